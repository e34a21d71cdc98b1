import { withBytes } from '../file-bytes'
import { Rejection } from '../rejection'
import { at, listAt, readJson, textAt } from './json'
import type { Surroundings } from './reader'

/** What reaches for Python's insides, also by names that are put together, spelt with escapes, or looked up by a filter. */
const PYTHON_INSIDES = [
  /__(?:class|mro|bases?|subclasses|globals|builtins|import|init|dict|getattribute|code)__/i,
  /\blipsum\b|\bcycler\.__/,
  /\|\s*attr\b/,
  /\\(?:x5f|u005f|U0000005f|137|N\{LOW LINE\})/i,
  /(['"])__(?:\w*[^\W_])?\1\s*[~+*]|[~+]\s*(['"])(?:[^\W_]\w*)?__\2/,
  /(['"])_\1\s*(?:\*|[~+]\s*(['"])_\2)/,
]
const LARGEST_BESIDE = 4 * 1024 * 1024

/** Templates are small programs. Those that are made to break out of who renders them are refused. @throws Rejection */
export function assertTemplate(template: string, file: string): void {
  const reach = PYTHON_INSIDES.map((pattern) => pattern.exec(template)?.[0]).find(
    (found) => found !== undefined,
  )
  if (reach === undefined) return
  const message = `Its chat template uses ${reach}, by which a template breaks out and runs code where it is rendered. No real template does.`
  throw new Rejection('storage.unsafe', message, file)
}

/** The templates that lie beside weights as repositories of the Hub have them. @throws Rejection */
export async function assertTemplatesBeside({ files }: Pick<Surroundings, 'files'>): Promise<void> {
  for (const file of files) {
    if (file.sizeBytes > LARGEST_BESIDE) continue
    if (file.path === 'chat_template.jinja')
      assertTemplate(await withBytes(file, (bytes) => bytes.slice(0, bytes.size).toString('utf8')), file.path)
    if (file.path !== 'tokenizer_config.json') continue
    const config = await withBytes(file, (bytes) => readJson(bytes, LARGEST_BESIDE))
    // One, or several that have names.
    const named = listAt(config, 'chat_template') ?? [{ template: at(config, 'chat_template') }]
    for (const one of named) assertTemplate(textAt(one, 'template') ?? '', file.path)
  }
}
