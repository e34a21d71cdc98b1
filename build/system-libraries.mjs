// What the operating system must have: the libraries of Electron's window, and what some tests run on.

import { existsSync } from 'node:fs'
import { capture, PrepareError } from './process.mjs'
import { say, step } from './progress.mjs'

/** Debian's packages, each with the other names that newer releases give it. */
const windowPackages = [
  ['xvfb'],
  ['xauth'],
  ['libgtk-3-0', 'libgtk-3-0t64'],
  ['libnss3'],
  ['libasound2', 'libasound2t64'],
  ['libgbm1'],
  ['libxss1'],
  ['libnotify4'],
  ['libsecret-1-0'],
  ['fonts-noto-core'],
  ['fonts-noto-cjk'],
]

/** Without them the app runs all the same; a test that needs them says that it did not run. */
const testPackages = [
  ['python3-torch'],
  ['bubblewrap'],
  ['strace'],
  ...(existsSync('/usr/bin/google-chrome') ? [] : [['chromium']]),
]

/** True where nothing is missing, or where there is no way to tell and nothing we could do. */
export const hasSystemLibraries = () => has(windowPackages)

/** Installs what is missing; only root on a Debian can, others are told what to type. */
export async function installSystemLibraries() {
  const missing = await missingOf(windowPackages)
  if (process.getuid?.() !== 0) {
    const names = (await installable(missing).catch(() => undefined)) ?? missing.map(([name]) => name)
    throw new PrepareError(
      `Some system libraries are missing. Install them with:\n  sudo apt-get install ${names.join(' ')}`,
    )
  }
  await step('Installing system libraries (apt-get)', () => install(missing))
}

export const hasTestTools = async () => process.getuid?.() !== 0 || (await has(testPackages))

/** Installs what the tests run on besides, each by itself; only root on a Debian can. What cannot be had is no failure. */
export async function installTestTools() {
  for (const names of await missingOf(testPackages)) {
    await step(`Installing ${names[0]} for the tests (apt-get; up to a minute or two)`, () =>
      install([names]),
    ).catch((error) =>
      say(`  It could not be installed, so the tests that need it will not run: ${error.message}`),
    )
  }
}

async function has(packages) {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/dpkg-query')) return true
  return (await missingOf(packages)).length === 0
}

/** Installs packages of Debian by their names; only root can. */
export const installPackages = (names) => install(names.map((name) => [name]))

async function install(missing) {
  let names = await installable(missing)
  if (!names) {
    await apt(['update'])
    names = await installable(missing)
  }
  if (!names) throw new PrepareError(`apt-get offers none of: ${missing.flat().join(', ')}.`)
  await apt(['install', '-y', '--no-install-recommends', ...names]).catch(async () => {
    // The lists may be older than the mirror: refresh them once and try again.
    await apt(['update'])
    await apt(['install', '-y', '--no-install-recommends', ...names])
  })
}

async function missingOf(packages) {
  // The placeholders are dpkg's, not ours.
  const format = ['$', '{Package} $', '{db:Status-Status}\n'].join('')
  const list = await capture('dpkg-query', ['-W', '-f', format]).catch(() => '')
  const installed = new Set(
    list
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, status]) => status === 'installed')
      .map(([name]) => name),
  )
  return packages.filter((names) => !names.some((name) => installed.has(name)))
}

/** One installable name of each package, or undefined when the lists of apt do not know one of them. */
async function installable(packages) {
  const policy = await capture('apt-cache', ['policy', ...packages.flat()], { env: aptEnvironment() })
  const known = new Set()
  let current
  for (const line of policy.split('\n')) {
    if (/^\S+:$/.test(line)) current = line.slice(0, -1)
    else if (/^\s+Candidate: (?!\(none\))/.test(line)) known.add(current)
  }
  const names = packages.map((alternatives) => alternatives.find((name) => known.has(name)))
  return names.includes(undefined) ? undefined : names
}

function apt(args) {
  return capture('apt-get', ['-q', ...args], { env: aptEnvironment() })
}

function aptEnvironment() {
  return { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
}
