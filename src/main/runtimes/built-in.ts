import type { ModelFormat } from '../../shared/contract'
import type { RuntimeAdapter } from './adapter'
import { llamaRuntime } from './llama'
import { onnxRuntime } from './onnx'
import { pytorchRuntime } from './pytorch'
import { syntheticRuntime } from './synthetic'
import { tfjsRuntime } from './tfjs'

/** The runtimes that are a part of LLMAgentOS. The parameters are those of {@link pytorchRuntime}. */
export function builtInRuntimes(pythonPath: () => string, dataDir: string | undefined): RuntimeAdapter[] {
  return [onnxRuntime, tfjsRuntime, pytorchRuntime(pythonPath, dataDir), llamaRuntime, syntheticRuntime]
}

const all = builtInRuntimes(() => '', undefined)

export const builtInIds: ReadonlySet<string> = new Set(all.map(({ id }) => id))
/** What they run wherever they work. */
export const builtInFormats: ReadonlySet<ModelFormat> = new Set(all.flatMap(({ formats }) => formats))
