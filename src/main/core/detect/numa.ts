import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseIdList } from '../../platform/id-list'
import type { FoundDevice } from '../host'

/**
 * Says of each device on which NUMA node it is, in `properties.numaNode`. On a machine of one node that is every device;
 * a CPU over several nodes says how many. https://docs.kernel.org/admin-guide/mm/numaperf.html
 */
export async function withNumaNodes(devices: readonly FoundDevice[], sys = '/sys'): Promise<FoundDevice[]> {
  const nodes = parseIdList(await readText(join(sys, 'devices/system/node/online')))
  if (nodes.length === 0) return [...devices]
  const [only] = nodes.length === 1 ? nodes : []
  return Promise.all(
    devices.map(async (device) => {
      if (only !== undefined) return withProperty(device, 'numaNode', only)
      if (device.kind === 'cpu') return withProperty(device, 'numaNodes', nodes.length)
      const address = device.properties['pciAddress']
      if (typeof address !== 'string') return device
      // -1 where the firmware does not say.
      const node = Number((await readText(join(sys, 'bus/pci/devices', address, 'numa_node'))) || -1)
      return nodes.includes(node) ? withProperty(device, 'numaNode', node) : device
    }),
  )
}

function withProperty(device: FoundDevice, name: string, value: number): FoundDevice {
  return { ...device, properties: { ...device.properties, [name]: value } }
}

async function readText(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}
