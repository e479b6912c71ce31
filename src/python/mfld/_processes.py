"""Processes of this machine that make calls, one at a time each. They import nothing of the program that starts them, which
so needs no guard around what it does; what it hands over they find by pickle."""

import concurrent.futures
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading

try:
    import cloudpickle as pickler
except ImportError:
    pickler = pickle

SIZE = 8  # bytes of the length before each message
PATIENCE = 10  # seconds for a run to write its checkpoint


class Processes(concurrent.futures.Executor):
    """So many of them, started when there is work."""

    def __init__(self, jobs):
        self._work = queue.SimpleQueue()
        self._workers = []
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(jobs)]
        for thread in self._threads:
            thread.start()

    def submit(self, function, /, *arguments):
        future = concurrent.futures.Future()
        self._work.put((future, _packed((function, arguments))))
        return future

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self._interrupt()
        self.shutdown()

    def shutdown(self, wait=True, *, cancel_futures=False):
        for _ in self._threads:
            self._work.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _interrupt(self):
        self._stopped.set()
        for worker in list(self._workers):
            if worker.poll() is None:
                worker.send_signal(signal.SIGINT)

    def _serve(self):
        worker = None
        while (item := self._work.get()) is not None:
            future, message = item
            if self._stopped.is_set():
                future.cancel()
            elif future.set_running_or_notify_cancel():
                worker = worker or self._start()
                _answer(worker, message, future)
        if worker is not None:
            self._end(worker)

    def _start(self):
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        worker = subprocess.Popen([sys.executable, "-m", "mfld._processes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env={**os.environ, "PYTHONPATH": path})
        self._workers.append(worker)
        return worker

    @staticmethod
    def _end(worker):
        try:
            worker.stdin.close()
            worker.wait(PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            worker.kill()
            worker.wait()
        worker.stdout.close()


def _packed(call):
    try:
        return pickler.dumps(call)
    except Exception as error:
        raise ValueError(f"cannot hand what is in Python to another process: {error}") from None


def _answer(worker, message, future):
    try:
        _write(worker.stdin, message)
        answer = _read(worker.stdout)
    except OSError:
        answer = None
    if answer is None:
        future.set_exception(OSError(f"the process {worker.pid}, which made runs, ended with status {worker.wait()}"))
        return
    try:
        is_good, value = pickle.loads(answer)
    except Exception as error:
        is_good, value = False, OSError(f"the answer of the process {worker.pid} cannot be read: {error}")
    if is_good:
        future.set_result(value)
    else:
        future.set_exception(value)


def _write(stream, message):
    stream.write(len(message).to_bytes(SIZE, "little") + message)
    stream.flush()


def _read(stream):
    size = stream.read(SIZE)
    return stream.read(int.from_bytes(size, "little")) if len(size) == SIZE else None


def _outcome(message):
    """What a call makes: (True, its value) or (False, what it raised)."""
    try:
        function, arguments = pickle.loads(message)
    except Exception as error:
        return False, ValueError(f"what is in Python cannot be found in another process ({error}): put it into a module")
    try:
        return True, function(*arguments)
    except Exception as error:
        return False, error


def main():
    """Answers calls from standard input; what is printed meanwhile goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        while (message := _read(sys.stdin.buffer)) is not None:
            outcome = _outcome(message)
            try:
                answer = pickler.dumps(outcome)
            except Exception:
                answer = pickle.dumps((False, RuntimeError(f"{type(outcome[1]).__name__}: {outcome[1]}")))
            _write(answers, answer)
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
