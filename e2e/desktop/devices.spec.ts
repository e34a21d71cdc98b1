import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { DevicesPage } from '../support/pages/devices-page'
import { JobsPage } from '../support/pages/jobs-page'

const app = appForFile(() => Desktop.startWithKey())

test('the machine: cores, memory, load now and over time', async () => {
  const { shell, page, api } = app()
  const { items } = (await api.call('GET', '/devices')).body
  const cpu = items.find(({ kind }: { kind: string }) => kind === 'cpu')
  await shell.go('Devices')
  const devices = new DevicesPage(page)
  const card = devices.card(cpu.name)
  await expect(card).toContainText('healthy')
  await expect(card).toContainText(new RegExp(`0 of ${cpu.capacity.cpuCores} granted`))
  await expect(card.getByRole('list', { name: 'Memory' })).toBeVisible()
  // Something else runs on every machine.
  await expect(
    card.getByRole('region', { name: 'Largest programs outside LLMAgentOS' }).getByRole('listitem').first(),
  ).toContainText(/process \d+.*[\d.]+ [kMGT]?B/)
  await expect(card.getByRole('list', { name: 'Cores', exact: true }).getByRole('listitem')).toHaveCount(
    cpu.capacity.cpuCores,
  )
  await expect(card.getByText('Load', { exact: true }).locator('xpath=following-sibling::dd')).toHaveText(
    /^\d+%$/,
  )
  // A line needs two samples, and there is one a second.
  const line = card
    .getByRole('img', { name: `Load of ${cpu.name} over time` })
    .locator('path.recharts-area-curve')
  await expect(line).toHaveAttribute('d', /[LC]/)
  await expect(devices.resources).toContainText('CPU cores')
  await expect(devices.resources).toContainText(/[\d.]+ GB can be granted/)
})

test('which job holds what, for as long as it runs', async () => {
  const { shell, page, api } = app()
  const devices = new DevicesPage(page)
  await expect(page.getByText('Nothing is held')).toBeVisible()
  const job = await api.call('POST', '/jobs', {
    kind: 'synthetic',
    name: 'Holds a core',
    durationMs: 600_000,
    need: { cpuCores: 1, memoryBytes: 200_000_000 },
  })
  expect(job.status).toBe(201)
  const lease = devices.leases.filter({ hasText: 'Holds a core' })
  await expect(lease).toHaveCount(1)
  await expect(lease).toContainText('CPU')
  await expect(lease).toContainText('CPU cores 1')
  await expect(lease).toContainText('Memory 200 MB')
  await expect(devices.resources).toContainText(/1 of \d+ granted/)
  const held = devices.held('CPU cores', 'Holds a core')
  // By keyboard: what is focused by a program alone is not shown to be.
  await held.focus()
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Tab')
  await expect(held).toBeFocused()
  await expect(page.getByRole('tooltip')).toContainText(/^1 held by .* for Holds a core$/)
  for (const theme of ['light', 'dark'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`devices-stacks-${theme}`)
  }
  await held.press('Enter')
  await expect(new JobsPage(page).detail('Holds a core')).toContainText('running')
  await shell.go('Devices')
  await lease.getByRole('link').click()
  const detail = new JobsPage(page).detail('Holds a core')
  await expect(detail).toContainText('running')
  await api.call('POST', `/jobs/${job.body.id}/cancel`)
  await expect(detail).toContainText('cancelled')
  await shell.go('Devices')
  await expect(page.getByText('Nothing is held')).toBeVisible()
})

test('busy cores are left to other programs, or shared with them, as the owner chooses', async () => {
  const { shell, page, api } = app()
  await shell.go('Devices')
  const devices = new DevicesPage(page)
  const find = async () =>
    (await api.call('GET', '/devices')).body.items.find(({ kind }: { kind: string }) => kind === 'cpu')
  const { id, name } = await find()
  const yields = devices.yields(name)
  await api.call('PATCH', `/devices/${id}`, { yieldsToOthers: true })
  await expect(yields).toBeChecked()
  await yields.press('Space')
  await expect(yields).not.toBeChecked()
  await expect.poll(async () => (await find()).yieldsToOthers).toBe(false)
  await yields.press('Space')
  await expect(yields).toBeChecked()
  for (const theme of ['light', 'dark'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`devices-yields-${theme}`)
  }
  await api.call('PATCH', `/devices/${id}`, { yieldsToOthers: false })
  await expect(yields).not.toBeChecked()
})

test('a device that cannot be detected is declared, and removed', async () => {
  const { page, api } = app()
  const devices = new DevicesPage(page)
  await devices.declare({ kind: 'FPGA', name: 'Alveo U50' })
  await expect(devices.card('Alveo U50')).toContainText('FPGA')
  await expect(devices.resources).toContainText('FPGAs')
  expect((await api.call('GET', '/resources')).body.capacity.fpga).toBe(1)
  await devices.remove('Alveo U50')
  await expect(devices.card('Alveo U50')).toBeHidden()
  await expect(devices.resources).not.toContainText('FPGAs')
})
