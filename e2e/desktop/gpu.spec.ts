import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { DevicesPage } from '../support/pages/devices-page'

// biome-ignore lint/suspicious/noSkippedTests: it says why, and the parsers are tested everywhere
test.skip(process.platform !== 'linux', 'The stand-in for the tool of a driver is a shell script.')

const RECORDED = resolve(import.meta.dirname, '../../src/main/core/detect/recorded')
const NAME = 'NVIDIA H200'

/** Stands in for a driver: a program of the name on the path that reports what was recorded of an H200, of which others keep most busy. */
const NVIDIA_SMI = `#!/bin/sh
every_second() { while sleep 1; do echo "$1"; done; }
case "$1" in
-q) cat ${RECORDED}/nvidia-smi-v13-h200.xml ;;
--query-gpu=*) every_second "0, 00000000:00:06.0, 82, 1711, 143771, 61, 690.84" ;;
pmon) every_second "    0        494     C     62     22      -      -      -      -    python3
    0        495     C     20      4      -      -      -      -    python3" ;;
esac
`

let folder: string
const path = process.env['PATH']
const app = appForFile(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driver-'))
  await writeFile(join(folder, 'nvidia-smi'), NVIDIA_SMI)
  await chmod(join(folder, 'nvidia-smi'), 0o755)
  process.env['PATH'] = `${folder}${delimiter}${path}`
  const desktop = await Desktop.startWithKey()
  process.env['PATH'] = path
  return desktop
})
test.afterAll(() => rm(folder, { recursive: true, force: true }))

test('a GPU: what it is, who uses it outside, and whether that is left to them', async () => {
  const { shell, page, api } = app()
  await shell.go('Devices')
  const devices = new DevicesPage(page)
  const card = devices.card(NAME)
  await expect(card).toContainText('healthy')
  await expect(card.getByText('Load', { exact: true }).locator('xpath=following-sibling::dd')).toHaveText(
    '82%',
  )
  const outside = card.getByRole('region', { name: 'Largest programs outside LLMAgentOS' })
  await expect(outside.getByRole('listitem')).toHaveText([
    /python3.*process 494.*1\.01 GB · 62%/,
    /python3.*process 495.*765 MB · 20%/,
  ])
  const switched = card.getByRole('switch', { name: 'Leave what other programs keep busy to them' })
  await expect(switched).toBeChecked()

  // A tenth of it, and beside that what others leave: as a mean over half a minute.
  const lease = (gpu: number) => api.call('POST', '/leases', { need: { gpu }, ttlMs: 300_000 })
  const held = await lease(0.1)
  expect(held.status).toBe(201)
  await expect
    .poll(async () => (await api.call('GET', '/resources')).body.available.gpu, { timeout: 90_000 })
    .toBeLessThan(0.4)
  // Hatched, after what is leased, and as wide as the part of the card that it is.
  const stack = card.getByRole('list', { name: 'GPUs', exact: true })
  await expect(stack.getByRole('link')).toHaveCount(2)
  const foreign = stack.getByRole('link').last()
  await expect(foreign).toHaveAttribute('data-kind', 'foreign')
  await expect(foreign).toHaveAccessibleName(/^0\.[5-8]\d* used outside LLMAgentOS$/)
  await expect(foreign).toHaveCSS('background-image', /^repeating-linear-gradient/)
  await expect(stack.getByRole('link').first()).toHaveCSS('background-image', 'none')
  await expect
    .poll(async () => {
      const [whole, part] = [await stack.boundingBox(), await foreign.boundingBox()]
      const said = Number((await foreign.getAttribute('aria-label'))?.split(' ')[0])
      return Math.abs((part?.width ?? 0) / (whole?.width ?? Number.NaN) - said)
    })
    .toBeLessThan(0.02)
  const refused = await lease(0.5)
  expect(refused.body.error.message).toContain('0.62 GPU held by python3 (outside LLMAgentOS)')
  for (const theme of ['light', 'dark'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`devices-gpu-${theme}`)
  }
  await api.call('DELETE', `/leases/${held.body.id}`)
})

test('a run is given a part of the GPU in its form, which holds it while it runs', async () => {
  const { shell, page, api } = app()
  await shell.setTheme('light')
  await shell.go('Jobs')
  await page.getByRole('button', { name: 'New job' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'New job' })
  await dialog.getByText('Synthetic load', { exact: true }).click()
  await dialog.getByRole('combobox', { name: 'Computes on' }).click()
  await page.getByRole('option', { name: 'half a GPU' }).click()
  await dialog.getByRole('textbox', { name: 'GPU memory in GB' }).fill('2')
  await app().shoot('new-job-gpu')
  await dialog.getByRole('button', { name: 'Start load' }).click()
  const held = async () => {
    const { items } = (await api.call('GET', '/jobs?state=running')).body
    return items.map(({ need }: { need: object }) => need)
  }
  await expect.poll(held).toEqual([{ cpuCores: 1, gpu: 0.5, gpuMemoryBytes: 2e9 }])
})
