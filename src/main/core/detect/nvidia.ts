import { XMLParser } from 'fast-xml-parser'
import type { Device } from '../../../shared/contract'
import type { FoundDevice } from '../host'
import { normalAddress } from './pci'

export const NVIDIA_QUERY = ['-q', '-x']
/** The only report that has the UUIDs of MIG devices. */
export const NVIDIA_LIST = ['-L']
const MIB = 1024 * 1024

/** What vendors' tools say of a device, before the bus has its say. */
export interface VendorDevice extends FoundDevice {
  /** Null for a device that is not on the PCI bus. */
  address: string | null
}

type Node = { [name: string]: unknown }

/**
 * Reads `nvidia-smi -q -x` (schemas v11 to v13). A GPU cut into MIG devices is offered as these, each a GPU of its own,
 * since a program sees one of them at a time.
 * @param list of `nvidia-smi -L`; without it nothing tells how to let a program see a MIG device, and it has no UUID
 */
export function parseNvidiaSmi(xml: string, list = ''): VendorDevice[] {
  const short = withoutClocks(xml).replace(/<processes>[\s\S]*?<\/processes>/g, '')
  const parser = parserOf(['gpu', 'mig_device'])
  const log = node(node(parser.parse(short))['nvidia_smi_log'])
  const driver = text(log['driver_version'])
  const cuda = text(log['cuda_version'])
  const migUuids = parseMigUuids(list)
  return items(log['gpu']).flatMap((gpu) => readGpu(node(gpu), driver, cuda, migUuids))
}

/** Whether a report lists MIG devices. */
export function hasMigDevices(xml: string): boolean {
  return xml.includes('<mig_device>')
}

/** UUIDs by `UUID of the GPU/index`. */
function parseMigUuids(list: string): Map<string, string> {
  const uuids = new Map<string, string>()
  let gpu = ''
  for (const line of list.split('\n')) {
    const uuid = /\(UUID: ([^\s)]+)\)/.exec(line)?.[1] ?? ''
    const index = /^\s*MIG .* Device +(\d+):/.exec(line)?.[1]
    if (index === undefined) gpu = uuid
    else if (uuid) uuids.set(`${gpu}/${index}`, uuid)
  }
  return uuids
}

function readGpu(
  gpu: Node,
  driver: string | null,
  cuda: string | null,
  migUuids: ReadonlyMap<string, string>,
): VendorDevice[] {
  const address = addressOf(gpu)
  const uuid = text(gpu['uuid'])
  if (!address && !uuid) return []
  const id = `gpu-${address ? address.replaceAll(':', '-') : uuid}`
  const name = text(gpu['product_name']) ?? 'NVIDIA GPU'
  const problem = problemOf(gpu)
  const properties: Device['properties'] = {
    ...(address ? { pciAddress: address } : {}),
    ...(uuid ? { uuid } : {}),
    ...(driver ? { driverVersion: driver } : {}),
    ...(cuda ? { cudaVersion: cuda } : {}),
    ...(text(gpu['product_architecture']) ? { architecture: String(text(gpu['product_architecture'])) } : {}),
    ...(problem ? { problem } : {}),
  }
  const whole: VendorDevice = {
    id,
    kind: 'gpu',
    name,
    vendor: 'NVIDIA',
    capacity: { gpu: 1, ...memoryOf(gpu) },
    properties,
    health: problem ? 'degraded' : 'ok',
    foundBy: 'nvidia-smi -q -x',
    address,
  }
  const migMode = text(node(gpu['mig_mode'])['current_mig'])
  const parts = migMode === 'Enabled' ? items(node(gpu['mig_devices'])['mig_device']).map(node) : []
  if (parts.length === 0) return [whole]
  return parts.map((part) => {
    const instance = migInstanceOf(part) ?? '?-0'
    const { uuid: _, ...shared } = properties
    const own = migUuids.get(`${uuid}/${text(part['index'])}`)
    return {
      ...whole,
      id: `${id}-mig-${instance}`,
      name: `${name} MIG ${instance}`,
      capacity: { gpu: 1, ...memoryOf(part) },
      properties: { ...shared, ...(own ? { uuid: own } : {}), migInstance: instance },
    }
  })
}

/** By the ids that the driver gives to the parts of a GPU. */
function migInstanceOf(item: Node): string | null {
  const gpuInstance = text(item['gpu_instance_id'])
  return gpuInstance && `${gpuInstance}-${text(item['compute_instance_id']) ?? '0'}`
}

/** The driver keeps some memory for itself: it is no capacity. */
function memoryOf(part: Node): { gpuMemoryBytes?: number } {
  const usage = node(part['fb_memory_usage'])
  const total = amount(usage['total'], 'MiB')
  if (total === null) return {}
  return { gpuMemoryBytes: (total - (amount(usage['reserved'], 'MiB') ?? 0)) * MIB }
}

function problemOf(gpu: Node): string | null {
  const action = text(gpu['gpu_recovery_action'])
  if (action && action !== 'None') return `The driver asks for: ${action}.`
  if (text(node(gpu['gpu_reset_status'])['reset_required']) === 'Yes')
    return 'The driver asks for a reset of this GPU.'
  return null
}

/** `24564 MiB` -> 24564; null for `N/A` and anything else. */
function amount(value: unknown, unit: string): number | null {
  const match = text(value)?.match(/^([\d.]+) (\S+)$/)
  return match && match[2] === unit ? Number(match[1]) : null
}

function text(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const trimmed = value.trim()
  return trimmed === '' || trimmed === 'N/A' || trimmed.startsWith('[') ? null : trimmed
}

function node(value: unknown): Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : {}
}

function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A program on a GPU; its name may be a path. */
export interface GpuProcess {
  address: string
  /** The part that it runs on of a GPU that is cut into MIG devices, as in the properties of the device. */
  migInstance: string | null
  pid: number
  name: string
  memoryBytes: number
}

/** Whether a program runs on the device, which may be a part of a GPU. */
export function runsOn({ address, migInstance }: GpuProcess, { properties }: Device): boolean {
  return address === properties['pciAddress'] && migInstance === (properties['migInstance'] ?? null)
}

/** The programs that `nvidia-smi -q -x` lists; those whose memory it does not know are left out. */
export function parseNvidiaProcesses(xml: string): GpuProcess[] {
  const parser = parserOf(['gpu', 'process_info'])
  // A GPU has some thousand lines, of which these are read; it is done every few seconds.
  const parts = [...xml.matchAll(/<gpu id="[^"]*">|<processes>[\s\S]*?<\/processes>|<\/gpu>/g)].join('')
  return items(node(node(parser.parse(`<log>${parts}</log>`))['log'])['gpu'])
    .map(node)
    .flatMap((gpu) => {
      const address = addressOf(gpu)
      if (!address) return []
      return items(node(gpu['processes'])['process_info'])
        .map(node)
        .flatMap((item) => {
          const memory = amount(item['used_memory'], 'MiB')
          const pid = Number(text(item['pid']) ?? Number.NaN)
          if (memory === null || !Number.isSafeInteger(pid)) return []
          const name = text(item['process_name']) ?? ''
          return [{ address, migInstance: migInstanceOf(item), pid, name, memoryBytes: memory * MIB }]
        })
    })
}

function parserOf(lists: readonly string[]): XMLParser {
  return new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    processEntities: false,
    isArray: (name) => lists.includes(name),
  })
}

/** Most of the text, and nothing in it is read. */
function withoutClocks(xml: string): string {
  return xml.replace(/<supported_clocks>[\s\S]*?<\/supported_clocks>/g, '')
}

function addressOf(gpu: Node): string | null {
  return normalAddress(text(gpu['@id']) ?? text(node(gpu['pci'])['pci_bus_id']) ?? '')
}

export const NVIDIA_SAMPLE = [
  '--query-gpu=index,pci.bus_id,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw',
  '--format=csv,noheader,nounits',
]

export interface GpuRow {
  /** By which the tool counts GPUs, until the machine is started anew. */
  index: number
  address: string
  /** 0 to 1. */
  load: number
  memoryUsedBytes: number
  memoryTotalBytes: number
  temperatureC?: number
  powerW?: number
}

/** One line of {@link NVIDIA_SAMPLE}: `0, 00000000:81:00.0, 37, 22437, 24564, 61, 201.35`; null for anything else. */
export function parseNvidiaRow(line: string): GpuRow | null {
  const [first, bus = '', load, used, total, temperature, power] = line
    .split(',')
    .map((field) => field.trim())
  const index = indexOf(first)
  const address = normalAddress(bus)
  const memoryUsed = Number(used)
  const memoryTotal = Number(total)
  if (index === null || !address || !Number.isFinite(memoryUsed) || !Number.isFinite(memoryTotal)) return null
  const number = (field: string | undefined) => {
    const value = field ? Number(field) : Number.NaN
    return Number.isFinite(value) ? value : null
  }
  const temperatureC = number(temperature)
  const powerW = number(power)
  return {
    index,
    address,
    load: Math.min(1, Math.max(0, (number(load) ?? 0) / 100)),
    memoryUsedBytes: memoryUsed * MIB,
    memoryTotalBytes: memoryTotal * MIB,
    ...(temperatureC === null ? {} : { temperatureC }),
    ...(powerW === null ? {} : { powerW }),
  }
}

/** More devices in one call only newer drivers watch; where none is named, the first ones are. */
const MOST_WATCHED = 4

/**
 * What to ask so as to be told each second what each program does on each GPU, one call for every four of them; not of
 * MIG devices.
 * @param indices of the GPUs that are known
 */
export function nvidiaLoadCalls(indices: readonly number[]): string[][] {
  const call = ['pmon', '-s', 'u', '-d', '1']
  if (indices.length <= MOST_WATCHED) return [call]
  const sorted = [...indices].sort((a, b) => a - b)
  const calls: string[][] = []
  for (let i = 0; i < sorted.length; i += MOST_WATCHED)
    calls.push([...call, '-i', sorted.slice(i, i + MOST_WATCHED).join()])
  return calls
}

/**
 * One line of {@link nvidiaLoadCalls}, of which all versions begin alike: index of the GPU, process, its type, percent of
 * the time that it computed. A GPU without programs has a line of dashes (no process), and so has a program that did not
 * compute. Null for anything else.
 */
export function parseNvidiaLoad(line: string): { index: number; pid: number | null; load: number } | null {
  const [first, process, , percent, ...others] = line.trim().split(/\s+/)
  const index = indexOf(first)
  if (index === null || others.length === 0) return null
  const pid = indexOf(process)
  if (pid === null) return process === '-' ? { index, pid, load: 0 } : null
  return { index, pid, load: Math.min(1, (indexOf(percent) ?? 0) / 100) }
}

function indexOf(field: string | undefined): number | null {
  return field && /^\d{1,10}$/.test(field) ? Number(field) : null
}
