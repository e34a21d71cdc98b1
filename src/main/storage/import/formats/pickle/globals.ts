/** Which names of Python modules a pickle may use. */
export type Allows = (module: string, name: string) => boolean

const STORAGES =
  /^(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|ComplexFloat|ComplexDouble|Untyped|QInt8|QUInt8|QInt32)Storage$/
const DTYPES =
  /^(?:float(?:16|32|64|8_\w+)|bfloat16|half|double|u?int(?:8|16|32|64)|bool|complex(?:64|128)|long)$/

/** What PyTorch's own weights-only loader allows for tensors and plain containers; torch/_weights_only_unpickler.py. */
const ALLOWED = new Set([
  'collections OrderedDict',
  'collections defaultdict',
  'collections Counter',
  'torch Size',
  'torch Tensor',
  'torch device',
  'torch._utils _rebuild_tensor',
  'torch._utils _rebuild_tensor_v2',
  'torch._utils _rebuild_tensor_v3',
  'torch._utils _rebuild_parameter',
  'torch._utils _rebuild_parameter_with_state',
  'torch._utils _rebuild_sparse_tensor',
  'torch._utils _rebuild_meta_tensor_no_storage',
  'torch._utils _rebuild_qtensor',
  'torch._tensor _rebuild_from_type_v2',
  'torch.nn.parameter Parameter',
  'torch.nn.parameter Buffer',
  'torch.serialization _get_layout',
  'torch.storage UntypedStorage',
  'torch.storage TypedStorage',
  'torch per_tensor_affine',
  'torch strided',
])

export const weightsOnly: Allows = (module, name) =>
  ALLOWED.has(`${module} ${name}`) || (module === 'torch' && (STORAGES.test(name) || DTYPES.test(name)))

/** Classes that the archive itself carries as TorchScript, and the helpers of its pickles; torch/jit/_pickle.py. */
export const torchScript: Allows = (module, name) =>
  weightsOnly(module, name) ||
  module === '__torch__' ||
  module.startsWith('__torch__.') ||
  (module === 'torch.jit._pickle' &&
    /^(?:build_(?:int|tensor|double|bool)list|build_tensor_from_id|restore_type_tag)$/.test(name))

/** Modules through which a pickle reaches the machine, for words a person understands. */
const DANGEROUS =
  /^(?:os|posix|nt|subprocess|sys|shutil|socket|pty|commands|runpy|importlib|imp|pkgutil|ctypes|webbrowser|urllib|http|requests|code|codeop|pickle|_pickle|dill|marshal|types|builtins|__builtin__|operator|functools|multiprocessing|threading|asyncio|signal|tempfile|pathlib|io|_io|bdb|pdb|timeit|cProfile|profile|platform|site|distutils|setuptools|pip|venv|zipimport|torch\.hub|torch\.serialization|torch\.utils|numpy\.testing)(?:\.|$)/

/** What is wrong with a name that is not allowed, to follow "it uses os.system, ". */
export function whyNot(module: string): string {
  return DANGEROUS.test(module)
    ? 'which runs code on this machine'
    : 'which is not among the names that plain weights need, so it could run any code'
}
