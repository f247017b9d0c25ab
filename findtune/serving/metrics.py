"""Metrics for Prometheus: counts and times, no text of a user."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from findtune.serving.served import ServedModels

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "findtune_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "findtune_request_seconds",
            "Seconds from a request's first byte to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.texts = Counter(
            "findtune_texts", "Texts that models have read.", ["room"], registry=self.registry
        )
        self.waiting = Gauge(
            "findtune_waiting", "Requests that wait for a model.", registry=self.registry
        )
        self.models = Gauge(
            "findtune_model_info",
            "What is served; always 1.",
            ["room", "model", "content_hash"],
            registry=self.registry,
        )

    def name_models(self, served: ServedModels) -> None:
        """Show which models are served now, and only those."""
        self.models.clear()
        for room, parts in served.by_room().items():
            for name, part in parts.items():
                self.models.labels(room, name, part.content_hash).set(1)

    def count_texts(self, room: str, number: int) -> None:
        """Count texts that a model has read."""
        self.texts.labels(room).inc(number)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer. route: the route's template, never the path, which may hold anything."""
        self.requests.labels(route, f"{status}").inc()
        self.seconds.labels(route).observe(seconds)

    def text(self, waiting: int) -> bytes:
        """Return all metrics in the format of Prometheus."""
        self.waiting.set(waiting)
        return generate_latest(self.registry)
