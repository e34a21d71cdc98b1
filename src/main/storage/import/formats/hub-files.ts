import type { ModelVersion } from '../../../../shared/contract'
import { withBytes } from '../file-bytes'
import { Rejection } from '../rejection'
import type { SourceFile } from '../source'
import { listAt, readJson, textAt } from './json'
import type { Surroundings } from './reader'

/** What lies beside the weights in a repository of the Hub and belongs to the model. */
const BESIDE =
  /^(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|preprocessor_config|vocab)\.json$|^(?:vocab\.txt|merges\.txt|tokenizer\.model|chat_template\.jinja)$/
const LARGEST = 64 * 1024 * 1024
const LARGEST_CONFIG = 1024 * 1024

/** The files beside weights that a runtime needs to make sense of them. */
export function filesBeside({ files }: Surroundings): SourceFile[] {
  return files.filter((file) => BESIDE.test(file.path) && file.sizeBytes <= LARGEST)
}

/** What `config.json` says. It is not trusted further than as text to show. */
export async function describeFromBeside({ files }: Surroundings): Promise<ModelVersion['metadata']> {
  const metadata: ModelVersion['metadata'] = {}
  const config = files.find((file) => file.path === 'config.json')
  if (config && config.sizeBytes <= LARGEST_CONFIG) {
    const json = await withBytes(config, (bytes) => readJson(bytes, LARGEST_CONFIG))
    if (json === 'damaged') {
      const message = 'The file config.json beside the weights is damaged. Get it again.'
      throw new Rejection('storage.unreadable', message, config.path)
    }
    const architectures = (listAt(json, 'architectures') ?? []).filter((name) => typeof name === 'string')
    if (architectures.length > 0) metadata['architectures'] = architectures.map((name) => name.slice(0, 100))
    const type = textAt(json, 'model_type')
    if (type) metadata['modelType'] = type.slice(0, 100)
  }
  return metadata
}

/** The license that the front matter of the README names; null without one. Text to show, no more. */
export async function licenseBeside({ files }: Pick<Surroundings, 'files'>): Promise<string | null> {
  const readme = files.find((file) => /^readme\.md$/i.test(file.path))
  if (!readme) return null
  const head = await withBytes(readme, (bytes) => bytes.slice(0, Math.min(bytes.size, 8192)).toString('utf8'))
  const matter = /^---\r?\n([\s\S]*?)^---/m.exec(head)
  if (matter?.index !== 0) return null
  return /^license:\s*["']?([\w .+-]{1,60})/m.exec(matter[1] ?? '')?.[1]?.trim() ?? null
}
