"""DVC's run cache on a remote: a stage's results are pushed as soon as the stage has ended."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from findtune.core.errors import InputError
from findtune.core.printing import printable


class Publisher:
    """Pushes stages' results and their entries in the run cache to the default remote.

    `dvc push --run-cache` leaves out measures that git keeps, so another clone could not restore
    the stages that write them. Here they are pushed too.
    """

    def __init__(self, repo: Any) -> None:
        """repo: a dvc.repo.Repo."""
        self.repo = repo
        self.waiting: list[Any] = []  # stages whose results are not on the remote yet

    def add_finished(self, targets: tuple[str, ...]) -> None:
        """Add all stages of targets, which are up to date, to those that wait to be pushed."""
        pipeline_stage = import_module("dvc.stage").PipelineStage
        self.repo._reset()  # dvc.lock has changed since it was read
        stages = [self.repo.stage.collect(target, with_deps=True) for target in targets]
        for stage in {stage.addressing: stage for group in stages for stage in group}.values():
            if isinstance(stage, pipeline_stage):
                self.repo.stage_cache.save(stage)
                self.waiting.append(stage)

    def push(self) -> None:
        """Push what waits, results before entries; raise InputError if some of it fails.

        An entry without its results would be of no use to another clone.
        """
        if not self.waiting:
            return
        try:
            failed = {item for stage in self.waiting for item in self.push_results(stage)}
            if not failed:
                self.repo.stage_cache.push(None)
        except Exception as error:  # each kind of remote has errors of its own
            raise InputError(f"the remote took no results: {printable(str(error))}.") from None
        if failed:
            raise InputError(f"the remote lacks {len(failed)} of the results' files.")
        self.waiting.clear()

    def push_results(self, stage: Any) -> set[Any]:
        """Push all that a stage wrote; return what failed."""
        lockfile = import_module("dvc.stage.serialize").to_single_stage_lockfile
        # A stage that is made from an entry of the run cache has every output in the cache.
        cached = self.repo.stage_cache._create_stage(lockfile(stage), wdir=stage.wdir)
        results: Mapping[Any, set[Any]] = cached.get_used_objs()
        failed = [self.repo.cloud.push(objects).failed for objects in results.values()]
        return {item for items in failed for item in items}


@contextmanager
def pushed_after_each_stage(publisher: Publisher, report: Callable[[str], None]) -> Iterator[None]:
    """Push each stage that DVC runs or restores in this process, once dvc.lock has its entry.

    A failed push does not stop the stages: it is reported, and the next push tries again.
    """
    stage_class = import_module("dvc.stage").PipelineStage
    original = stage_class.dump

    def dump(stage: Any, **options: Any) -> None:
        original(stage, **options)
        publisher.waiting.append(stage)
        try:
            publisher.push()
        except InputError as error:
            report(f"{error} The next push tries again.")

    stage_class.dump = dump
    try:
        yield
    finally:
        stage_class.dump = original
