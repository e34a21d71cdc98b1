import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { VendorDevice } from './nvidia'
import { normalAddress, vendorName } from './pci'

/** FPGAs that the kernel can program (`/sys/class/fpga_manager`): those of systems on a chip, which are on no bus. */
export async function scanFpgaManagers(root = '/sys/class/fpga_manager'): Promise<VendorDevice[]> {
  const names = await readdir(root).catch(() => [])
  return Promise.all(
    names.sort().map(async (name) => {
      const label = await readFile(join(root, name, 'name'), 'utf8').catch(() => name)
      return {
        id: `fpga-${name}`,
        kind: 'fpga' as const,
        name: label.trim() || name,
        vendor: /xilinx|zynq/i.test(label)
          ? 'AMD Xilinx'
          : /altera|intel|socfpga/i.test(label)
            ? 'Intel Altera'
            : '',
        capacity: { fpga: 1 },
        properties: { node: join(root, name) },
        health: 'ok' as const,
        foundBy: root,
        address: await busAddress(join(root, name, 'device')),
      }
    }),
  )
}

/** Compute accelerators with a driver of the kernel's accel subsystem: `/dev/accel/accel0` (`/dev/accel0` of old). */
export async function scanAccel(dev = '/dev', sysClass = '/sys/class/accel'): Promise<VendorDevice[]> {
  const nodes = [
    ...(await readdir(join(dev, 'accel')).catch(() => [])).map((name) => join(dev, 'accel', name)),
    ...(await readdir(dev).catch(() => [])).map((name) => join(dev, name)),
  ].filter((path) => /^accel\d+$/.test(basename(path)))
  return Promise.all(
    nodes.sort().map(async (path) => {
      const device = join(sysClass, basename(path), 'device')
      const address = await busAddress(device)
      const [vendorId, deviceId] = await Promise.all([
        readId(join(device, 'vendor')),
        readId(join(device, 'device')),
      ])
      return {
        id: address ? `npu-${address.replaceAll(':', '-')}` : `npu-${basename(path)}`,
        kind: 'npu' as const,
        name: vendorId ? `${vendorName(vendorId)} NPU ${deviceId ?? ''}`.trim() : basename(path),
        vendor: vendorId ? vendorName(vendorId) : '',
        capacity: { npu: 1 },
        properties: {
          node: path,
          ...(address ? { pciAddress: address } : {}),
          ...(vendorId && deviceId ? { pciId: `${vendorId}:${deviceId}` } : {}),
        },
        health: 'ok' as const,
        foundBy: dirname(path) === dev ? `${dev}/accel*` : `${dev}/accel`,
        address,
      }
    }),
  )
}

async function readId(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return (
    text
      .trim()
      .match(/^0x([0-9a-f]{4})$/i)?.[1]
      ?.toLowerCase() ?? null
  )
}

/** The PCI address a class device hangs on, by its link into the device tree. */
async function busAddress(link: string): Promise<string | null> {
  const target = await realpath(link).catch(() => null)
  return target && normalAddress(basename(target))
}
