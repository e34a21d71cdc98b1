import type { Finding, ModelVersion } from '../../../../../shared/contract'
import type { FileBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import {
  ForbiddenGlobal,
  PickleError,
  type PickleReading,
  type PickleValue,
  readPickle,
  torchScript,
  weightsOnly,
} from '../pickle'
import type { ModelDescription, ModelReader } from '../reader'
import { looksLikeZip, readEntry, readZip, type ZipEntry } from '../zip'
import { readScript } from './script'
import { collectTensors, type TorchTensors } from './tensors'

const LARGEST_PICKLE = 128 * 1024 * 1024
const LARGEST_CODE = 8 * 1024 * 1024
const MOST_CODE_FILES = 5_000

/** PyTorch's archives: TorchScript programs and dictionaries of weights. */
export const torchReader: ModelReader = {
  label: 'PyTorch (.pt, .pth)',
  recognise: (bytes) => (looksLikeZip(bytes) && rootOf(readZip(bytes)) !== null ? 'yes' : 'no'),
  read(bytes) {
    const entries = readZip(bytes)
    const root = rootOf(entries) ?? ''
    const byName = new Map(entries.map((entry) => [entry.name, entry]))
    const isScript =
      byName.has(`${root}constants.pkl`) || entries.some(({ name }) => name.startsWith(`${root}code/`))
    const { value, globals } = readPickles(bytes, entries, root, isScript)
    const found = collectTensors(value)
    assertStorages(found, byName, root, bytes)
    return isScript
      ? describeScript(bytes, entries, root, value, found)
      : {
          ...describeTensors(found),
          format: 'torch-state',
          signature: { inputs: [], outputs: [] },
          findings: [weightsAlone(globals, bytes.file)],
        }
  },
}

/** `NAME/` before data.pkl, which every archive of torch.save and torch.jit.save has; null for another ZIP. */
function rootOf(entries: readonly ZipEntry[]): string | null {
  const data = entries.find(({ name }) => /^(?:[^/]+\/)?data\.pkl$/.test(name))
  return data ? data.name.slice(0, -'data.pkl'.length) : null
}

/** Every pickle of the archive is judged; the reading is that of data.pkl. */
function readPickles(
  bytes: FileBytes,
  entries: readonly ZipEntry[],
  root: string,
  isScript: boolean,
): PickleReading {
  let data: PickleReading | null = null
  for (const entry of entries) {
    const isData = entry.name === `${root}data.pkl`
    if (!isData && !/\.(?:pkl|pickle|debug_pkl)$/i.test(entry.name)) continue
    const reading = judge(readEntry(bytes, entry, LARGEST_PICKLE), isScript, entry.name, bytes.file)
    if (isData) data = reading
  }
  if (!data) throw new Rejection('storage.unreadable', 'The archive holds no data.pkl.', bytes.file)
  return data
}

function judge(pickle: Buffer, isScript: boolean, name: string, file: string): PickleReading {
  try {
    const reading = readPickle(pickle, isScript ? torchScript : weightsOnly)
    if (reading.end !== pickle.length) throw new PickleError('bytes follow its end')
    return reading
  } catch (error) {
    throw asRejection(error, name, file)
  }
}

/** What a pickle that cannot be followed, or may not be, means to a person. */
export function asRejection(error: unknown, name: string, file: string): unknown {
  if (error instanceof ForbiddenGlobal) {
    const message = `${quoted(name)} is a pickle that is not safe: ${error.message}. It was not opened and nothing of it has run.`
    return new Rejection('storage.unsafe', message, file)
  }
  if (error instanceof PickleError) {
    const message = `${quoted(name)} is a pickle that cannot be judged: ${error.message}. It was not opened and nothing of it has run.`
    return new Rejection('storage.unsafe', message, file)
  }
  return error
}

/** Each storage lies in the archive, in the size that the pickle gives it. */
function assertStorages(
  { storages, problem }: TorchTensors,
  byName: ReadonlyMap<string, ZipEntry>,
  root: string,
  { file }: FileBytes,
): void {
  if (problem) throw new Rejection('storage.unreadable', `The model is damaged: ${problem}.`, file)
  for (const { key, bytes } of storages.values()) {
    const entry = byName.get(`${root}data/${key}`)
    if (entry?.sizeBytes === bytes) continue
    const message = entry
      ? `The weights ${quoted(key)} have ${entry.sizeBytes} bytes, but ${bytes} are needed. Get the file again.`
      : `The archive lacks the weights ${quoted(key)}. Get the file again.`
    throw new Rejection('storage.incomplete', message, file)
  }
}

export function describeTensors({
  tensors,
  elements,
}: TorchTensors): Pick<ModelDescription, 'framework' | 'metadata' | 'tensors' | 'companions'> {
  const metadata: ModelVersion['metadata'] = {
    parameters: [...elements.values()].reduce((sum, count) => sum + count, 0),
  }
  const [precision] = [...elements].sort((a, b) => b[1] - a[1])
  if (precision) metadata['precision'] = precision[0]
  return { framework: 'PyTorch', metadata, tensors, companions: [] }
}

function describeScript(
  bytes: FileBytes,
  entries: readonly ZipEntry[],
  root: string,
  value: PickleValue,
  found: TorchTensors,
): ModelDescription {
  const { signature, reachesFiles, renames, customOperators } = readScript(
    value,
    codeOf(bytes, entries, root),
  )
  if (reachesFiles) {
    const message = `Its program calls ${reachesFiles}, which reads or writes files of this machine.`
    throw new Rejection('storage.unsafe', message, bytes.file)
  }
  if (renames) {
    const message = `Its program gives ${renames} another name, so that it does not show which operators it calls. No real program does.`
    throw new Rejection('storage.unsafe', message, bytes.file)
  }
  const findings: Finding[] = []
  if (customOperators.length > 0) {
    const message = `It needs the operators ${customOperators.join(', ')}, which PyTorch alone does not have.`
    findings.push({ severity: 'warn', code: 'storage.custom_operators', message, file: bytes.file })
  }
  if (signature.inputs.length === 0) {
    const message = 'Its program does not say which tensors it takes.'
    findings.push({ severity: 'info', code: 'storage.no_signature', message, file: bytes.file })
  }
  return { ...describeTensors(found), format: 'torchscript', signature, findings }
}

/** The program's texts by module: `__torch__.a.b` for `code/__torch__/a/b.py`. */
function codeOf(bytes: FileBytes, entries: readonly ZipEntry[], root: string): Map<string, string> {
  const texts = new Map<string, string>()
  for (const entry of entries) {
    const path = entry.name.startsWith(`${root}code/`) ? entry.name.slice(root.length + 5) : ''
    if (!path.endsWith('.py')) continue
    if (texts.size >= MOST_CODE_FILES)
      throw new Rejection('storage.unsafe', 'Its program has more files than any real one.', bytes.file)
    texts.set(path.slice(0, -3).replaceAll('/', '.'), readEntry(bytes, entry, LARGEST_CODE).toString('utf8'))
  }
  return texts
}

/** @param globals what the pickle names */
export function weightsAlone(globals: ReadonlySet<string>, file: string): Finding {
  const hasNumpy = [...globals].some((name) => name.startsWith('numpy'))
  const message = hasNumpy
    ? "This is a checkpoint with NumPy values beside its weights, which PyTorch's safe loader does not read. To run the weights, save them alone: torch.save(model.state_dict(), FILE)."
    : 'These are weights without a graph. To run them, name the TorchScript model whose weights they are as their architecture, or save the model with torch.jit.save or torch.onnx.export.'
  return { severity: 'info', code: 'storage.no_graph', message, file }
}
