import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { capture, npm } from '../build/process.mjs'
import { installPackages } from '../build/system-libraries.mjs'
import { root, temporaryFolder } from './support.mjs'

/** Queues that this system is measured against; no part of the project, so they lie in a cache of their own. */
const PACKAGES = ['bullmq@5.81.5', 'graphile-worker@0.16.6', 'pg@8.16.3']
const folder = join(root, 'node_modules', '.cache', 'bench-peers')

/** Redis on a free port. `durable`: every write is synced before it is answered. */
export async function redis({ durable }) {
  const peers = await packages()
  const binary = await program('redis-server', () => ['/usr/bin/redis-server'], 'redis-server')
  const { path, dispose } = await temporaryFolder()
  const port = await freePort()
  const persistence = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    path,
    '--save',
    '',
    '--loglevel',
    'warning',
  ]
  const child = spawn(binary, [...args, ...persistence], { stdio: 'ignore' })
  await listening(port)
  return { port, require: peers, stop: () => end(child, 'SIGTERM', dispose) }
}

/** PostgreSQL as it is configured by default (`fsync` and `synchronous_commit` on), on a free port. */
export async function postgres() {
  const peers = await packages()
  const initdb = await program('initdb', versioned('initdb'), 'postgresql')
  const { path, dispose } = await temporaryFolder()
  const data = join(path, 'data')
  await mkdir(data, { mode: 0o700 })
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? await idsOf('postgres') : {}
  if (isRoot) for (const name of [path, data]) await chown(name, user.uid, user.gid)
  await finished(
    spawn(initdb, ['-D', data, '-U', 'bench', '--auth', 'trust', '--no-sync'], {
      stdio: 'ignore',
      cwd: path,
      ...user,
    }),
  )
  const port = await freePort()
  const args = [
    '-D',
    data,
    '-p',
    `${port}`,
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${path}`,
  ]
  const child = spawn(join(initdb, '..', 'postgres'), args, { stdio: 'ignore', cwd: path, ...user })
  await listening(port)
  // It answers a moment after it listens.
  await new Promise((resolve) => setTimeout(resolve, 500))
  return {
    url: `postgres://bench@127.0.0.1:${port}/postgres`,
    require: peers,
    stop: () => end(child, 'SIGINT', dispose),
  }
}

async function packages() {
  if (!existsSync(join(folder, 'node_modules', 'bullmq'))) {
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
    await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES], { cwd: folder })
  }
  return createRequire(join(folder, 'package.json'))
}

/** @throws Error that says what to install */
async function program(name, places, packageName) {
  const found = () => places().find((file) => existsSync(file))
  if (!found() && process.argv.includes('--install')) await installPackages([packageName])
  const file = found()
  if (!file) throw new Error(`${name} is not there; install ${packageName}, or let it be done with --install`)
  return file
}

const versioned = (name) => () =>
  existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin/${name}`)
    : []

async function idsOf(user) {
  const id = async (flag) => Number((await capture('id', [flag, user])).trim())
  return { uid: await id('-u'), gid: await id('-g') }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening(port) {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not begin to listen')
}

async function end(child, signal, dispose) {
  const gone = finished(child)
  child.kill(signal)
  await gone.catch(() => undefined)
  await dispose()
}

function finished(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`it ended with ${code}`))))
  })
}
