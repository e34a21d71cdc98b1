/** Which names of Python modules a pickle may use. */
export type Allows = (module: string, name: string) => boolean

const STORAGES =
  /^(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|ComplexFloat|ComplexDouble|Untyped|QInt8|QUInt8|QInt32|QUInt4x2|QUInt2x4)Storage$/
const DTYPES =
  /^(?:float(?:16|32|64|8_\w+|4_\w+)|bfloat16|half|double|u?int(?:[1-7]|8|16|32|64)|bool|complex(?:32|64|128)|long|q(?:u?int8|int32|uint4x2|uint2x4))$/

/** Values of plain Python and NumPy; what those that are called may be given is in calls.ts. */
const VALUES = new Set([
  'collections OrderedDict',
  'collections defaultdict',
  'collections Counter',
  '_codecs encode',
  ...['bool', 'bytearray', 'bytes', 'complex', 'dict', 'float', 'frozenset', 'int', 'list', 'set', 'str'].map(
    (name) => `builtins ${name}`,
  ),
  'numpy dtype',
  'numpy ndarray',
  'numpy.core.multiarray _reconstruct',
  'numpy.core.multiarray scalar',
  'numpy.core.numeric _frombuffer',
])

/** What PyTorch's own weights-only loader allows for tensors; torch/_weights_only_unpickler.py. */
const TENSORS = new Set([
  'torch Size',
  'torch Tensor',
  'torch device',
  'torch._utils _rebuild_tensor',
  'torch._utils _rebuild_tensor_v2',
  'torch._utils _rebuild_tensor_v3',
  'torch._utils _rebuild_parameter',
  'torch._utils _rebuild_parameter_with_state',
  'torch._utils _rebuild_sparse_tensor',
  'torch._utils _rebuild_sparse_csr_tensor',
  'torch._utils _rebuild_nested_tensor',
  'torch._utils _rebuild_meta_tensor_no_storage',
  'torch._utils _rebuild_qtensor',
  'torch._tensor _rebuild_from_type_v2',
  'torch.nn.parameter Parameter',
  'torch.nn.parameter Buffer',
  'torch.serialization _get_layout',
  'torch.storage UntypedStorage',
  'torch.storage TypedStorage',
  'torch per_tensor_affine',
  'torch per_tensor_symmetric',
  'torch per_channel_affine',
  'torch per_channel_symmetric',
  'torch per_channel_affine_float_qparams',
  'torch strided',
])

export const plainValues: Allows = (module, name) => VALUES.has(`${module} ${name}`)

export const weightsOnly: Allows = (module, name) =>
  plainValues(module, name) ||
  TENSORS.has(`${module} ${name}`) ||
  (module === 'torch' && (STORAGES.test(name) || DTYPES.test(name)))

/** Classes that the archive itself carries as TorchScript, and the helpers of its pickles; torch/jit/_pickle.py. */
export const torchScript: Allows = (module, name) =>
  weightsOnly(module, name) ||
  module === '__torch__' ||
  module.startsWith('__torch__.') ||
  (module === 'torch.jit._pickle' &&
    /^(?:build_(?:int|tensor|double|bool)list|build_tensor_from_id|restore_type_tag)$/.test(name))

/** A module by the name it has today: protocols before 3 write Python 2's, NumPy 2 has moved its own. */
export function todaysModule(module: string): string {
  return module === '__builtin__' ? 'builtins' : module.replace(/^numpy\._core(?=\.|$)/, 'numpy.core')
}

/** Modules through which a pickle reaches the machine, for words a person understands. */
const DANGEROUS =
  /^(?:os|posix|nt|subprocess|sys|shutil|socket|pty|commands|runpy|importlib|imp|pkgutil|ctypes|webbrowser|urllib|http|requests|code|codeop|pickle|_pickle|dill|marshal|types|builtins|__builtin__|operator|functools|multiprocessing|threading|asyncio|signal|tempfile|pathlib|io|_io|bdb|pdb|timeit|cProfile|profile|platform|site|distutils|setuptools|pip|venv|zipimport|torch\.hub|torch\.serialization|torch\.utils|numpy\.testing)(?:\.|$)/

/** What is wrong with a name that is not allowed, to follow "it uses os.system, ". */
export function whyNot(module: string): string {
  return DANGEROUS.test(module)
    ? 'which runs code on this machine'
    : 'which is not among the names that plain weights need, so it could run any code'
}
