"""Runs PyTorch models for LLMAgentOS: TorchScript, and bare weights in the graph of a TorchScript model.

It speaks what docs/worker-protocol.md describes and needs nothing but torch. No file of a model is unpickled: weights
are read with `weights_only`, and safetensors by their header.
"""

import ctypes
import importlib.util
import json
import math
import os
import queue
import socket
import struct
import sys
import threading
import time

if os.name == "nt":
    import _winapi as winapi
else:
    winapi = None

VERSION = 1
MAX_HEADER = 2**20
MAX_BODY = 2**31 - 1
MAX_MESSAGE = 4000
PROGRESS_EVERY_S = 0.25
RSS_EVERY_S = 0.25
PIPE_BYTES = 2**20
PIPE_WAIT_MS = 30_000
ARCHITECTURE = "architecture/"
# What there is beside "cpu", and what PyTorch calls it.
DEVICES = {"cuda": "cuda", "rocm": "cuda", "mps": "mps"}
OPTIONS = os.environ.get("LLMAGENTOS_WORKER_OPTIONS", "")
DEVICE = DEVICES.get(OPTIONS, "cpu")

NAMES = ("float32", "float64", "float16", "int8", "uint8", "int16", "int32", "int64", "bool")
# https://github.com/huggingface/safetensors#format
SAFETENSORS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


class InputError(Exception):
    """What was sent does not fit the model."""


class Cancelled(Exception):
    """The request was cancelled and has stopped."""


class ProtocolError(Exception):
    """What came is no frame; whoever sent it is not believed any more."""


# -- Tensors -----------------------------------------------------------------------------------------------------------


def dtype_of(name):
    import torch

    return getattr(torch, name)


def tensor_at(body, at, dtype, shape):
    import torch

    count = math.prod(shape)
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    # A bool is one byte in both worlds, but only of the value 0 or 1.
    source = torch.uint8 if dtype == torch.bool else dtype
    tensor = torch.frombuffer(body, dtype=source, count=count, offset=at).reshape(shape)
    return tensor != 0 if dtype == torch.bool else tensor


def synchronize():
    """Waits until the device has done what it was given: its work is only begun when a call returns."""
    import torch

    if DEVICE == "cuda":
        torch.cuda.synchronize()
    elif DEVICE == "mps":
        torch.mps.synchronize()


def bytes_of(tensor):
    tensor = tensor.detach().cpu().contiguous()
    return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())


def padded(size):
    return (size + 7) // 8 * 8


def unpack(body):
    """The items of a body: a list of dictionaries of tensors."""
    (length,) = struct.unpack_from("<I", body, 0)
    groups = json.loads(bytes(body[4 : 4 + length]).decode())
    at = padded(4 + length)
    items = []
    for count, specs in groups:
        for _ in range(count):
            item = {}
            for name, dtype, shape, size in specs:
                if dtype not in NAMES:
                    raise InputError(f'Input "{name}" holds {dtype}, which PyTorch has no tensors of.')
                item[name] = tensor_at(body, at, dtype_of(dtype), shape)
                at += padded(size)
            items.append(item)
    return items


def pack(items):
    """The pieces of a body of items."""
    groups = []
    pieces = []
    for item in items:
        specs = []
        for name, tensor in item.items():
            dtype = str(tensor.dtype).removeprefix("torch.")
            if dtype not in NAMES:
                tensor, dtype = tensor.float(), "float32"
            data = bytes_of(tensor)
            specs.append([name, dtype, list(tensor.shape), len(data)])
            pieces.append(data)
            pieces.append(bytes(padded(len(data)) - len(data)))
        if groups and groups[-1][1] == specs:
            groups[-1][0] += 1
        else:
            groups.append([1, specs])
    header = json.dumps(groups, separators=(",", ":")).encode()
    start = 4 + len(header)
    return [struct.pack("<I", len(header)), header, bytes(padded(start) - start), *pieces]


# -- Models ------------------------------------------------------------------------------------------------------------


def read_safetensors(path):
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > size - 8:
            raise ValueError("its header is longer than the file")
        header = json.loads(file.read(length))
        # In place: `read` would hold the weights twice.
        data = bytearray(size - 8 - length)
        if file.readinto(data) != len(data):
            raise ValueError("it ends before its end")
    state = {}
    for name, spec in header.items():
        if name == "__metadata__":
            continue
        dtype = SAFETENSORS.get(spec["dtype"])
        if dtype is None:
            raise ValueError(f"a tensor is {spec['dtype']}, which this worker does not read")
        begin, end = spec["data_offsets"]
        if not 0 <= begin <= end <= len(data):
            raise ValueError("a tensor does not lie within the file")
        state[name] = tensor_at(data, begin, dtype_of(dtype), spec["shape"])
    return state


def read_state(path):
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model_state_dict"):
        if isinstance(state.get(key), dict):
            return state[key]
    return state


def read_weights(request):
    own = [file for file in request["files"] if not file["path"].startswith(ARCHITECTURE)]
    if request["format"] == "torch-state":
        return read_state(own[0]["absolutePath"])
    state = {}
    for file in own:
        if file["path"].endswith(".safetensors"):
            state.update(read_safetensors(file["absolutePath"]))
    return state


def load(request):
    import torch

    torch.set_num_threads(request["threads"])
    files = request["files"]
    if request["format"] == "torchscript":
        return Model(torch.jit.load(files[0]["absolutePath"], map_location=DEVICE))
    graph = next((file for file in files if file["path"].startswith(ARCHITECTURE)), None)
    if graph is None:
        raise InputError(
            "These are weights without a graph: name the TorchScript version whose weights they are as their architecture."
        )
    module = torch.jit.load(graph["absolutePath"], map_location=DEVICE)
    state = read_weights(request)
    wanted = module.state_dict()
    missing = sorted(set(wanted) - set(state))[:5]
    unknown = sorted(set(state) - set(wanted))[:5]
    if missing or unknown:
        words = [f"missing: {', '.join(missing)}" if missing else "", f"unknown: {', '.join(unknown)}" if unknown else ""]
        raise InputError(f"The weights do not fit the architecture; {'; '.join(filter(None, words))}.")
    module.load_state_dict(state)
    return Model(module)


class Model:
    def __init__(self, module):
        self.module = module.eval()
        self.names = [argument.name for argument in module.forward.schema.arguments[1:]]
        self.optional = {
            argument.name for argument in module.forward.schema.arguments[1:] if argument.has_default_value()
        }

    def run(self, inputs):
        import torch

        unknown = next((name for name in inputs if name not in self.names), None)
        if unknown is not None:
            known = ", ".join(f'"{name}"' for name in self.names)
            raise InputError(f'The model has no input "{unknown}": it has {known}.')
        missing = next((name for name in self.names if name not in inputs and name not in self.optional), None)
        if missing is not None:
            raise InputError(f'Input "{missing}" is missing.')
        with torch.no_grad():
            try:
                outputs = named(self.module(**{name: tensor.to(DEVICE) for name, tensor in inputs.items()}))
                synchronize()
                return outputs
            except RuntimeError as error:
                if "out of memory" in str(error):
                    raise
                # The interpreter of TorchScript says the same for a bad input and for a bad graph; its last line tells.
                raise InputError(last_line(error)) from error


def named(result):
    import torch

    if isinstance(result, torch.Tensor):
        return {"output": result}
    if isinstance(result, dict):
        return {str(name): value for name, value in result.items() if isinstance(value, torch.Tensor)}
    if isinstance(result, (list, tuple)):
        return {f"output_{i}": value for i, value in enumerate(result) if isinstance(value, torch.Tensor)}
    raise RuntimeError(f"The model gave a {type(result).__name__}, which is no tensor.")


def last_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[-1] if lines else type(error).__name__
    # PyTorch goes on with how its allocator could be told to do otherwise.
    return line.split(" Including non-PyTorch memory")[0][:MAX_MESSAGE]


# -- Work --------------------------------------------------------------------------------------------------------------


class Worker:
    def __init__(self, stream):
        self.stream = stream
        self.model = None
        self.cancelled = set()
        self.rss_at = 0.0

    def answer(self, request, body):
        """The header and the pieces of the body of the answer to one request."""
        try:
            self.check(request["id"])
            header, pieces = getattr(self, f"do_{request['type']}")(request, body)
            now = time.monotonic()
            if now - self.rss_at > RSS_EVERY_S:
                self.rss_at = now
                header.update(resident())
        except Cancelled:
            header, pieces = {"type": "cancelled"}, []
        except Exception as error:  # whatever goes wrong is this request's, and the worker lives on
            reason = "input" if isinstance(error, InputError) else "runtime"
            header, pieces = {"type": "failed", "reason": reason, "message": last_line(error)}, []
        self.cancelled.discard(request["id"])
        return {"id": request["id"], **header}, pieces

    def check(self, request):
        if request in self.cancelled:
            raise Cancelled

    def loaded(self):
        if self.model is None:
            raise RuntimeError("No model is loaded.")
        return self.model

    def do_load(self, request, _body):
        self.model = load(request)
        return {"type": "loaded"}, []

    def do_run(self, request, body):
        model = self.loaded()
        items = unpack(body)
        outputs = []
        start = time.perf_counter()
        for item in items:
            self.check(request["id"])
            outputs.append(model.run(item))
        compute_ms = (time.perf_counter() - start) * 1000
        pieces = pack(outputs)
        size = sum(map(len, pieces))
        if size > MAX_BODY:
            raise InputError(
                f"The outputs are {size / 1e9:.1f} GB together, and an answer holds at most 2 GiB. "
                "Ask for less at once, for example with a smaller batchSize."
            )
        return {"type": "done", "computeMs": compute_ms}, pieces

    def do_benchmark(self, request, body):
        model = self.loaded()
        inputs = (unpack(body) or [{}])[0]
        total = request["warmup"] + request["iterations"]
        samples = []
        told = time.monotonic()
        for i in range(total):
            self.check(request["id"])
            start = time.perf_counter()
            model.run(inputs)
            if i >= request["warmup"]:
                samples.append((time.perf_counter() - start) * 1000)
            if time.monotonic() - told > PROGRESS_EVERY_S:
                told = time.monotonic()
                self.stream.write({"type": "progress", "id": request["id"], "fraction": (i + 1) / total}, [])
        return {"type": "measured", "iterations": len(samples), **summary(samples)}, []


def summary(samples):
    ordered = sorted(samples)
    total = sum(ordered)

    def rank(p):
        return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]

    return {
        "computeMs": total,
        "latencyMs": {"p50": rank(50), "p95": rank(95), "p99": rank(99), "mean": total / len(ordered)},
        "throughput": len(ordered) * 1000 / total if total > 0 else 0,
    }


def resident():
    """The resident memory of this process, where the system tells."""
    try:
        with open("/proc/self/statm") as file:
            return {"rssBytes": int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")}
    except OSError:
        return {}


# -- The connection ----------------------------------------------------------------------------------------------------


class Pipe:
    """
    A named pipe of Windows, with the methods of a socket. A file would be wrong: on its one handle a write waits for the
    read that another thread has begun. The calls are those of `multiprocessing.connection.PipeConnection`.
    """

    def connect(self, path):
        winapi.WaitNamedPipe(path, PIPE_WAIT_MS)
        access = winapi.GENERIC_READ | winapi.GENERIC_WRITE
        self.handle = winapi.CreateFile(
            path, access, 0, winapi.NULL, winapi.OPEN_EXISTING, winapi.FILE_FLAG_OVERLAPPED, winapi.NULL
        )

    def recv_into(self, view):
        try:
            reading, _ = winapi.ReadFile(self.handle, min(len(view), PIPE_BYTES), overlapped=True)
            size, _ = reading.GetOverlappedResult(True)
        except BrokenPipeError:
            return 0
        view[:size] = reading.getbuffer()
        return size

    def sendall(self, data):
        rest = memoryview(data)
        while rest:
            writing, _ = winapi.WriteFile(self.handle, rest[:PIPE_BYTES], overlapped=True)
            size, _ = writing.GetOverlappedResult(True)
            rest = rest[size:]


class Stream:
    """Frames over a socket, or over a named pipe of Windows."""

    def __init__(self, path):
        self.socket = Pipe() if winapi else socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.lock = threading.Lock()

    def exactly(self, size):
        """Null when the other end has closed."""
        buffer = bytearray(size)
        view = memoryview(buffer)
        at = 0
        while at < size:
            count = self.socket.recv_into(view[at:])
            if not count:
                return None
            at += count
        return buffer

    def read(self):
        sizes = self.exactly(8)
        if sizes is None:
            return None
        header_size, body_size = struct.unpack("<II", sizes)
        if header_size > MAX_HEADER or body_size > MAX_BODY:
            raise ProtocolError("A frame is too large.")
        header = self.exactly(header_size)
        body = self.exactly(body_size)
        if header is None or body is None:
            return None
        return json.loads(header.decode()), body

    def write(self, header, pieces):
        text = json.dumps(header, separators=(",", ":")).encode()
        body = b"".join(pieces)
        with self.lock:
            self.socket.sendall(struct.pack("<II", len(text), len(body)) + text + body)


def end_with_system():
    """The standard input ends when the system dies, whatever this process is busy with."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def serve():
    token = os.environ.pop("LLMAGENTOS_WORKER_TOKEN", None)
    path = os.environ.get("LLMAGENTOS_WORKER_SOCKET")
    if not token or not path:
        sys.exit("This is a worker of LLMAgentOS; the system starts it.")
    stream = Stream(path)
    stream.write({"type": "hello", "protocol": VERSION, "token": token}, [])
    worker = Worker(stream)
    work = queue.Queue()

    def listen():
        try:
            while (frame := stream.read()) is not None:
                request, body = frame
                if request["type"] == "exit":
                    break
                if request["type"] == "cancel":
                    worker.cancelled.add(request["id"])
                else:
                    work.put((request, body))
        except (OSError, ProtocolError) as error:
            print(error, file=sys.stderr, flush=True)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        stream.write(*worker.answer(*work.get()))


def built_for():
    """What of DEVICES this PyTorch is built for, whether there is one or not."""
    import torch

    mps = getattr(torch.backends, "mps", None)
    built = {
        "cuda": torch.version.cuda is not None,
        "rocm": getattr(torch.version, "hip", None) is not None,
        "mps": mps is not None and mps.is_built(),
    }
    return [name for name in DEVICES if built[name]]


def reads_from(torch_file):
    """The folders that a sandbox around this Python must show it."""
    prefixes = {sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(torch_file)), *sys.path}
    return sorted(path for path in prefixes if os.path.isdir(path))


def find():
    """Where this Python has its torch, without loading it, which takes seconds."""
    answer = {"available": False, "version": "", "backend": "", "reason": None}
    found = importlib.util.find_spec("torch")
    if found is not None and found.origin is not None:
        answer.update(available=True, readsFrom=reads_from(found.origin))
    else:
        answer["reason"] = f"{sys.executable} cannot import torch: No module named 'torch'."
    print(json.dumps(answer), flush=True)


def probe():
    answer = {"available": False, "version": "", "backend": "", "reason": None}
    try:
        import torch

        # Models are loaded for the device that is named, wherever they were made.
        ones = torch.ones(2, device=DEVICE)
        if float((ones + ones).sum()) != 4:
            raise RuntimeError("it does not add up")
        answer.update(available=True, version=torch.__version__, backend=OPTIONS, offers=built_for())
    except Exception as error:  # a broken installation may raise anything
        what = f"compute on {OPTIONS}" if "torch" in sys.modules else "import torch"
        answer["reason"] = f"{sys.executable} cannot {what}: {last_line(error).rstrip('.')}."
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    threading.Thread(target=end_with_system, daemon=True).start()
    if os.environ.get("LLMAGENTOS_WORKER_PROBE") != "1":
        serve()
    elif OPTIONS == "find":
        find()
    else:
        probe()
