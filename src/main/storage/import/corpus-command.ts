import { join, resolve } from 'node:path'
import { codeOf } from '../../platform/error-code'
import { runCorpus } from './corpus'

// The entry of `npm run corpus -- DIR [--json]`.

async function main(argv: readonly string[]): Promise<number> {
  const isJson = argv.includes('--json')
  const [folder, ...others] = argv.filter((argument) => argument !== '--json')
  if (folder === undefined || others.length > 0) {
    process.stderr.write('Say which folder: npm run corpus -- DIR [--json]\n')
    return 2
  }
  let run: Awaited<ReturnType<typeof runCorpus>>
  try {
    run = await runCorpus(resolve(folder), join(__dirname, 'workers', 'inspect.cjs'))
  } catch (error) {
    const why = codeOf(error) === 'ENOENT' ? 'it has no index.json' : String(error)
    process.stderr.write(`The folder ${folder} cannot be read as a corpus: ${why}.\n`)
    return 2
  }
  const { wrong, ...report } = run
  if (isJson) process.stdout.write(`${JSON.stringify(report)}\n`)
  else {
    for (const { file, verdict, findings } of report.items) {
      process.stdout.write(`${verdict.padEnd(7)} ${JSON.stringify(file).slice(1, -1)}\n`)
      for (const { severity, message } of findings) process.stdout.write(`        ${severity}: ${message}\n`)
    }
    for (const line of wrong) process.stdout.write(`WRONG   ${line}\n`)
    process.stdout.write(`${report.right} of ${report.total} right\n`)
  }
  return wrong.length === 0 ? 0 : 1
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
