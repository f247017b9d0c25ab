#!/usr/bin/env bash
# A run on a Slurm cluster; docs/jobs.md explains it.
#
#   REPO=git@example.org:team/findtune.git REF=main TARGET=card@embedder-small sbatch jobs/slurm.sh
#
# Credentials of the DVC remote: ~/.aws or ~/.ssh on the nodes, or variables of the shell that calls
# sbatch, which passes them on. The node needs git, make and Python 3.11 or newer.
#SBATCH --job-name=findtune
#SBATCH --cpus-per-task=2
#SBATCH --mem=10G
#SBATCH --tmp=10G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
##SBATCH --gpus=1
# FILL IN: --partition, --account; --gpus with one # for `medium`; `module load python` below.
# --requeue: after a preemption Slurm starts this script again. --signal: two minutes before the
# time limit Slurm sends USR1 to this script, which ends the job and puts it into the queue again.
set -euo pipefail
: "${REPO:?the URL of the git repository}" "${REF:?a branch or a tag}"
: "${TARGET:?stages of dvc.yaml}"

# A clone of its own: DVC locks the folder that it works in.
folder=$(mktemp -d "${TMPDIR:-/tmp}/findtune.XXXXXX")
trap 'rm -rf "$folder"' EXIT
git clone --quiet --depth 1 --branch "$REF" "$REPO" "$folder"
cd "$folder"
# A folder that all nodes see, if CHECKPOINTS names one: a training goes on in its middle.
if [ -n "${CHECKPOINTS:-}" ]; then mkdir -p .scratch && ln -sfn "$CHECKPOINTS" .scratch/checkpoints; fi
make setup

requeue=
make job TARGET="$TARGET" &
job=$!
trap 'requeue=1; kill -TERM "$job"' USR1
trap 'kill -TERM "$job"' TERM
status=0
wait "$job" || status=$?
# A signal ends the first wait while the job still pushes what is finished.
if kill -0 "$job" 2> /dev/null; then status=0; wait "$job" || status=$?; fi
if [ -n "$requeue" ] && [ "$status" -ne 0 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$status"
