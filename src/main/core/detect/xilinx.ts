import { z } from 'zod'
import type { VendorDevice } from './nvidia'
import { normalAddress } from './pci'

const Report = z.object({
  system: z.object({
    host: z.object({
      xrt: z.object({ version: z.string().optional() }).optional(),
      // An empty list is printed as an empty string: the writer (Boost property trees) knows no empty array.
      devices: z
        .union([
          z.array(
            z.object({
              bdf: z.string(),
              device_class: z.string().optional(),
              vbnv: z.string().optional(),
              name: z.string().optional(),
              id: z.string().optional(),
              is_ready: z.union([z.string(), z.boolean()]).optional(),
            }),
          ),
          z.literal(''),
        ])
        .optional(),
    }),
  }),
})

/**
 * Reads the file that `xbutil examine --format JSON --output FILE` writes (its successor is `xrt-smi`): Alveo cards are
 * FPGAs, Ryzen AI is an NPU. Every value is text, numbers and booleans too.
 */
export function parseXbutil(json: string, tool = 'xbutil'): VendorDevice[] {
  const { host } = Report.parse(JSON.parse(json)).system
  const devices: VendorDevice[] = []
  for (const item of host.devices || []) {
    const address = normalAddress(item.bdf)
    if (!address) continue
    const kind = item.device_class === 'Ryzen' ? 'npu' : 'fpga'
    const ready = kind === 'npu' || String(item.is_ready) === 'true'
    devices.push({
      id: kind === 'npu' ? `npu-${address.replaceAll(':', '-')}` : fpgaId(address),
      kind,
      name: item.vbnv ?? item.name ?? (kind === 'npu' ? 'Ryzen AI' : 'FPGA card'),
      vendor: kind === 'npu' ? 'AMD' : 'AMD Xilinx',
      capacity: kind === 'npu' ? { npu: 1 } : { fpga: 1 },
      properties: {
        pciAddress: address,
        ...(host.xrt?.version ? { driverVersion: host.xrt.version } : {}),
        ...(item.id && item.id !== 'n/a' ? { shell: item.id } : {}),
        ...(ready ? {} : { problem: 'The card has no shell that is ready; flash one with xbmgmt.' }),
      },
      health: ready ? 'ok' : 'degraded',
      foundBy: `${tool} examine --format JSON`,
      address,
    })
  }
  return devices
}

/** A card shows a management and a user function; both are one device, named by its slot. */
export function fpgaId(address: string): string {
  return `fpga-${address.replaceAll(':', '-').replace(/\.\d$/, '')}`
}
