import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** One function of the PCI bus that may compute. Ids are lower-case hexadecimal without `0x`. */
export interface PciFunction {
  /** `0000:81:00.0` */
  address: string
  /** Base class and subclass, `0302`. */
  class: string
  vendorId: string
  deviceId: string
  driver: string | null
  /** Of amdgpu, which tells it without any tool. */
  memoryBytes: number | null
}

/** Display controllers (VGA, 3D, other: some AMD Instinct) and processing accelerators. https://pci-ids.ucw.cz/read/PD */
const CLASSES = ['0300', '0302', '0380', '1200']

/** Linux: the functions of `/sys/bus/pci` whose class may compute. Empty where there is no such folder. */
export async function scanPci(root = '/sys/bus/pci/devices'): Promise<PciFunction[]> {
  const addresses = await readdir(root).catch(() => [])
  const found = await Promise.all(addresses.sort().map((address) => readFunction(root, address)))
  return found.filter((item): item is PciFunction => item !== null)
}

async function readFunction(root: string, address: string): Promise<PciFunction | null> {
  const folder = join(root, address)
  const pciClass = (await readHex(join(folder, 'class')))?.slice(0, 4)
  if (!pciClass || !CLASSES.includes(pciClass)) return null
  const vendorId = await readHex(join(folder, 'vendor'))
  const deviceId = await readHex(join(folder, 'device'))
  if (!vendorId || !deviceId) return null
  const driver = await readlink(join(folder, 'driver')).catch(() => null)
  const memory = await readText(join(folder, 'mem_info_vram_total'))
  const memoryBytes = memory === null ? Number.NaN : Number(memory)
  return {
    address: address.toLowerCase(),
    class: pciClass,
    vendorId,
    deviceId,
    driver: driver && basename(driver),
    memoryBytes: memoryBytes > 0 ? memoryBytes : null,
  }
}

async function readHex(path: string): Promise<string | null> {
  const text = await readText(path)
  return text?.match(/^0x([0-9a-f]+)$/i)?.[1]?.toLowerCase() ?? null
}

async function readText(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch {
    return null
  }
}

/** `00000000:2D:00.0` (nvidia-smi), `2d:00.0` (rocm-smi of old) -> `0000:2d:00.0`; null for what is none. */
export function normalAddress(text: string): string | null {
  const match = text.trim().match(/^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i)
  if (!match) return null
  const [, domain = '0000', bus, device, fn] = match
  return `${domain.replace(/^0+/, '').padStart(4, '0')}:${bus}:${device}.${fn}`.toLowerCase()
}

/**
 * Display adapters that draw a console and compute nothing: of virtual machines and of server boards. They are left out.
 * By vendor, then device; an empty list means every device of that vendor.
 */
const CONSOLES: Record<string, string[]> = {
  '1234': [], // QEMU, Bochs
  '1013': [], // Cirrus Logic
  '1af4': [], // virtio-gpu
  '1b36': [], // QXL
  '15ad': [], // VMware SVGA
  '80ee': [], // VirtualBox
  '1414': [], // Hyper-V
  '1ab8': [], // Parallels
  '1a03': [], // ASPEED BMC
  '102b': [], // Matrox G200 of BMCs
  '126f': [], // Silicon Motion
  '18ca': [], // XGI Volari
  '19e5': ['1711'], // Huawei iBMC
  '1d0f': ['1111'], // Amazon EC2 console
  '1002': ['515e', '4752'], // ES1000, Rage XL of server boards
}

export function isConsole({ vendorId, deviceId }: PciFunction): boolean {
  const devices = CONSOLES[vendorId]
  return devices !== undefined && (devices.length === 0 || devices.includes(deviceId))
}

const VENDORS: Record<string, string> = {
  '10de': 'NVIDIA',
  '1002': 'AMD',
  '1022': 'AMD',
  '8086': 'Intel',
  '10ee': 'AMD Xilinx',
  '1172': 'Intel Altera',
  '1da3': 'Habana Labs',
  '1ac1': 'Google',
  '1e60': 'Hailo',
  '1e52': 'Tenstorrent',
  '1eed': 'Furiosa',
  '1d0f': 'Amazon',
  '13b5': 'Arm',
  '106b': 'Apple',
}

export function vendorName(vendorId: string): string {
  return VENDORS[vendorId] ?? `vendor ${vendorId}`
}

/** Intel's programmable acceleration cards share its vendor id and class with its NPUs. */
const INTEL_FPGAS = ['09c4', '09c5', '0b2b', '0b30', '0b31', 'bcc0', 'bcce', 'af00']

export function kindOf({ class: pciClass, vendorId, deviceId }: PciFunction): 'gpu' | 'npu' | 'fpga' {
  if (pciClass !== '1200') return 'gpu'
  if (vendorId === '10ee' || vendorId === '1172') return 'fpga'
  if (vendorId === '8086' && INTEL_FPGAS.includes(deviceId)) return 'fpga'
  // Instinct MI300 and GPUs without a display say "processing accelerator".
  return vendorId === '1002' || vendorId === '10de' ? 'gpu' : 'npu'
}

const NAME_FILES = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids']

/** The text of the PCI names database, or null where there is none. */
export async function readPciNames(files: readonly string[] = NAME_FILES): Promise<string | null> {
  for (const file of files) {
    const text = await readText(file)
    if (text) return text
  }
  return null
}

/**
 * Looks a device up without reading all 1.3 MB of lines: the vendor's block is found first.
 * Format: `VVVV  vendor`, tab `DDDD  device`, two tabs for subsystems.
 */
export function pciName(database: string, vendorId: string, deviceId: string): string | null {
  const start = database.startsWith(`${vendorId}  `) ? 0 : database.indexOf(`\n${vendorId}  `)
  if (start < 0) return null
  const block = database.slice(start + 1)
  const end = block.search(/\n[0-9a-fC]/)
  const lines = end < 0 ? block : block.slice(0, end)
  const at = lines.indexOf(`\n\t${deviceId}  `)
  if (at < 0) return null
  return (
    lines
      .slice(at + deviceId.length + 4)
      .split('\n', 1)[0]
      ?.trim() ?? null
  )
}
