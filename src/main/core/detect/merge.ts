import type { FoundDevice } from '../host'
import type { VendorDevice } from './nvidia'
import { isConsole, kindOf, type PciFunction, pciName, vendorName } from './pci'
import { fpgaId } from './xilinx'

const BUS = '/sys/bus/pci'

/** By PCI vendor: the tools that tell of its devices. */
const TOOLS: Readonly<Record<string, readonly string[]>> = {
  '10de': ['nvidia-smi'],
  '1002': ['rocm-smi'],
  '10ee': ['xbutil', 'xrt-smi'],
}

/**
 * One device for what several sources found: the vendor's tool knows its memory and name, the bus its driver. What no
 * tool knows comes from the bus alone; console adapters are left out.
 * @param names text of the PCI names database, or null
 * @param failedTools gave no answer: what only they could tell of a device is not known
 */
export function mergeDevices(
  bus: readonly PciFunction[],
  vendors: readonly VendorDevice[],
  names: string | null,
  failedTools: readonly string[] = [],
): FoundDevice[] {
  const devices = new Map<string, FoundDevice>()
  const told = new Set<string>()
  for (const { address, ...device } of vendors) {
    if (address) told.add(slotOf(device.kind, address))
    const onBus = bus.find((item) => item.address === address)
    const known = devices.get(device.id)
    const properties = {
      ...(onBus?.driver ? { driver: onBus.driver } : {}),
      ...known?.properties,
      ...device.properties,
    }
    const [vendorId, deviceId] = String(device.properties['pciId'] ?? '').split(':')
    const listed = names && vendorId && deviceId && pciName(names, vendorId, deviceId)
    devices.set(device.id, {
      ...device,
      ...(listed ? { name: listed } : {}),
      // Two tools that know the same device: the first one told more, the sources are listed in one sentence.
      ...known,
      properties,
      foundBy: [
        known?.foundBy ?? device.foundBy,
        ...(known ? [device.foundBy] : []),
        ...(onBus && !known ? [BUS] : []),
      ].join(', '),
    })
  }
  for (const item of bus) {
    const kind = kindOf(item)
    if (isConsole(item) || told.has(slotOf(kind, item.address))) continue
    told.add(slotOf(kind, item.address))
    const device = fromBus(item, kind, names)
    const tool = failedTools.find((name) => TOOLS[item.vendorId]?.includes(name))
    devices.set(device.id, tool ? unanswered(device, tool) : device)
  }
  return [...devices.values()]
}

/** A device whose tool gives no answer, not to be used: without its memory and its UUID no job could be placed on it, or find it. */
export function unanswered<Found extends FoundDevice>(device: Found, tool: string): Found {
  const problem = `${tool} gives no answer; the driver may need a restart.`
  return { ...device, health: 'degraded', properties: { ...device.properties, problem } }
}

/** The functions of an FPGA card are one device; of other cards each function stands for itself. */
function slotOf(kind: string, address: string): string {
  return kind === 'fpga' ? address.replace(/\.\d$/, '') : address
}

function fromBus(item: PciFunction, kind: 'gpu' | 'npu' | 'fpga', names: string | null): FoundDevice {
  const vendor = vendorName(item.vendorId)
  const name = names && pciName(names, item.vendorId, item.deviceId)
  return {
    id: kind === 'fpga' ? fpgaId(item.address) : `${kind}-${item.address.replaceAll(':', '-')}`,
    kind,
    name: name ?? `${vendor} ${kind.toUpperCase()} ${item.deviceId}`,
    vendor,
    capacity: {
      [kind]: 1,
      ...(kind === 'gpu' && item.memoryBytes ? { gpuMemoryBytes: item.memoryBytes } : {}),
    },
    properties: {
      pciAddress: item.address,
      pciId: `${item.vendorId}:${item.deviceId}`,
      ...(item.driver
        ? { driver: item.driver }
        : {
            problem: 'No driver is bound to this device. Install the driver of its vendor, then scan again.',
          }),
    },
    health: item.driver ? 'ok' : 'degraded',
    foundBy: BUS,
  }
}
