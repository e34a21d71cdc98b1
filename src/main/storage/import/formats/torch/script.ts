import type { Signature, TensorSpec } from '../../../../../shared/domain/tensor'
import type { PickleValue } from '../pickle'

/** Operators by which TorchScript itself reaches files; it can import nothing. */
const FILES = /\b(?:torch|aten)\.(?:from_file|save|load)\b/
/** A library as a value, which can be given another name; PyTorch writes each operator out. Fields and arguments may be called so. */
const LIBRARY = /(?<![\w.])(?:torch|aten|ops(?:\.\w+)?)(?![\w.]|\s*[:=])/
/** Operators that a library outside PyTorch has added. */
const CUSTOM = /\bops\.(?!aten\b|prim\b|prims\b|quantized\b|inductor\b)(\w+)\.(\w+)/g

export interface ScriptReading {
  signature: Signature
  /** The operator that touches files, or null. */
  reachesFiles: string | null
  /** The library whose operators it may call by another name, or null. */
  renames: string | null
  /** As `library::operator`. */
  customOperators: string[]
}

/**
 * Reads the signature of `forward` and what else the archived code tells; TorchScript is a small language of its own, and
 * this is its text. @param root what data.pkl builds @param codeOf the text of a module, `a.b` for `code/__torch__/a/b.py`
 */
export function readScript(root: PickleValue, texts: ReadonlyMap<string, string>): ScriptReading {
  let reachesFiles: string | null = null
  let renames: string | null = null
  const custom = new Set<string>()
  for (const text of texts.values()) {
    const code = codeIn(text)
    reachesFiles ??= FILES.exec(code)?.[0] ?? null
    renames ??= LIBRARY.exec(code)?.[0] ?? null
    for (const [, library, operator] of code.matchAll(CUSTOM))
      if (custom.size < 20) custom.add(`${library}::${operator}`)
  }
  return { signature: signatureOf(root, texts), reachesFiles, renames, customOperators: [...custom] }
}

/**
 * A program without its texts and comments, which may say anything, and without the space around dots; lexer.h of PyTorch.
 * Triple quotes, which PyTorch never writes, are left in.
 */
function codeIn(text: string): string {
  const isUsual = !/"{3}|'{3}/.test(text)
  const bare = isUsual
    ? text.replace(/#[^\n]*|"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'/g, '""')
    : text
  return bare.replace(/[\s\\]*\.[\s\\]*/g, '.')
}

function signatureOf(root: PickleValue, texts: ReadonlyMap<string, string>): Signature {
  const nothing = { inputs: [], outputs: [] }
  if (root.kind !== 'object') return nothing
  const [module = '', name = ''] = root.of.split(' ')
  const text = texts.get(module) ?? ''
  const begin = text.search(new RegExp(`^class ${name.replace(/\W/g, '')}\\b`, 'm'))
  if (begin < 0) return nothing
  const body = text.slice(begin)
  const forward = /^ {2}def forward\(\w+[^,)]*,?([^)]*(?:\([^)]*\)[^)]*)*)\)\s*->\s*([^\n]+):$/m.exec(body)
  if (!forward) return nothing
  const inputs = [...(forward[1] ?? '').matchAll(/(\w+)\s*:\s*Tensor\b/g)].map(([, input]) =>
    open(input ?? ''),
  )
  const tensors = [...(forward[2] ?? '').matchAll(/\bTensor\b/g)].length
  const outputs = Array.from({ length: tensors }, (_, index) =>
    open(tensors === 1 ? 'output' : `output_${index}`),
  )
  return { inputs, outputs }
}

/** A tensor of which only the name is known: any type, any shape. */
function open(name: string): TensorSpec {
  return { name: name.slice(0, 200), dtype: 'float32', shape: ['...'] }
}
