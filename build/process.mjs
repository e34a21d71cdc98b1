import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

/** The folder of the repository. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** A failure that a person can mend: shown as its message, without a stack. */
export class PrepareError extends Error {}

/**
 * Runs a command to its end and returns what it printed on stdout.
 * @throws PrepareError with the last lines of its output when it fails.
 */
export function capture(command, args, { timeoutMs, ...options } = {}) {
  return new Promise((fulfil, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      timeout: timeoutMs,
      ...options,
    })
    let stdout = ''
    let all = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      all += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      all += text
    })
    child.once('error', (error) => reject(new PrepareError(`${command} could not start: ${error.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) return fulfil(stdout)
      const tail = stripVTControlCharacters(all).trim().split('\n').slice(-40).join('\n')
      const how = signal ? `was ended by ${signal}` : `failed with code ${code}`
      reject(new PrepareError(`${[command, ...args].join(' ')} ${how}:\n${tail}`))
    })
  })
}

/** Runs a command on this terminal and returns its exit code; signals to us are passed on to it. */
export function attach(command, args, options = {}) {
  return new Promise((fulfil, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    const forward = (signal) => child.kill(signal)
    for (const signal of signals) process.on(signal, forward)
    const settle = (deliver) => (value, signal) => {
      for (const name of signals) process.off(name, forward)
      deliver(value, signal)
    }
    child.once('error', settle(reject))
    child.once(
      'exit',
      settle((code, signal) => fulfil(code ?? (signal === 'SIGINT' ? 130 : 143))),
    )
  })
}

/** How to start npm with this very Node: `[command, ...first arguments]`. */
export function npmCommand() {
  const besideNode = dirname(process.execPath)
  const candidates = [
    process.env.npm_execpath,
    join(besideNode, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(besideNode, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ]
  const cli = candidates.find((file) => file?.endsWith('npm-cli.js') && existsSync(file))
  return cli ? [process.execPath, cli] : ['npm']
}

/** Runs npm and returns what it printed on stdout. */
export function npm(args, options) {
  const [command, ...first] = npmCommand()
  return capture(command, [...first, ...args], options)
}

/** Runs the command line program of an installed package in Node and returns what it printed. */
export function packageScript(file, args, options) {
  return capture(process.execPath, [join(root, 'node_modules', file), ...args], options)
}

/** Ends the process with the message of a failure: a sentence where we know one, else the whole error. */
export function fail(error) {
  process.stderr.write(`\n${error instanceof PrepareError ? error.message : (error?.stack ?? error)}\n`)
  process.exit(1)
}
