import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile, withPython } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'
import { fixtures } from '../support/serve'

withPython()
const app = appForFile(async () => {
  const desktop = await Desktop.startWith(async (api) => {
    await api.import(join(fixtures, 'two-layers.tflite'), 'layers')
    const noModel = join(api.dataDir, 'no-model.onnx')
    await writeFile(noModel, 'no model')
    await api.import(noModel)
  })
  await desktop.resize(WINDOW)
  return desktop
})

/** Jobs that wait for every reason that one machine gives at once. */
async function fill(): Promise<void> {
  const { api } = app()
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const submit = async (name: string, more: object) =>
    (await api.call('POST', '/jobs', { kind: 'synthetic', name, durationMs: 600_000, ...more })).body.id
  const slow = await submit('Slow', { durationMs: 60_000, timeoutMs: 200, maxAttempts: 1 })
  await api.until(`/jobs/${slow}`, ({ state }) => state === 'failed')
  const patient = await submit('Patient', { need: { cpuCores }, priority: 10 })
  await api.until(`/jobs/${patient}`, ({ state }) => state === 'running')
  const urgent = await submit('Urgent', { need: { cpuCores }, priority: 95 })
  await api.until(`/jobs/${urgent}`, ({ state }) => state === 'running')
  await submit('Next', { need: { cpuCores: 1, memoryBytes: 100_000_000 }, priority: 90 })
  await submit('Behind', { need: { cpuCores: 1, memoryBytes: 100_000_000 }, priority: 80 })
  await submit('After', { dependsOn: [urgent] })
  await submit('Held', { hold: true })
  await api.until(`/jobs/${patient}`, ({ waitReason }) => /^Preempted by Urgent/.test(waitReason))
  await api.until('/queue', ({ waiting }) => waiting.length >= 4)
}

test('what the system says is Chinese in the Chinese window, and English over the API', async () => {
  const { page, shell, api } = app()
  await fill()
  await shell.command('切换到简体中文')
  await shell.go('任务')
  const main = page.getByRole('main')
  for (const words of [
    '被 Urgent',
    '将从',
    'CPU 核心：Urgent',
    '前面还有 1 个任务',
    '已暂缓，等待恢复',
    /等待 j-\w+ 结束/,
  ])
    await expect(main).toContainText(words)
  await expect(main).not.toContainText(/Waiting for|Waits for|Preempted by|Behind \d|Held until/)
  const { items } = (await api.call('GET', '/jobs?state=queued')).body
  const preempted = items.find(({ name }: { name: string }) => name === 'Patient')
  expect(preempted.waitReason).toMatch(/^Preempted by Urgent .*goes on after/)
  expect(preempted.waitCauses[0]).toMatchObject({ kind: 'preempted', resumption: { from: 'time' } })
  for (const theme of ['dark', 'light'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`words-jobs-${theme}`)
  }
  await app().resize({ width: 900, height: 700 })
  await app().shoot('words-jobs-900')
  await app().resize(WINDOW)
})

test('a failed job, a refused import, what is not enforced and what was done are told in Chinese', async () => {
  const { page, shell } = app()
  const main = page.getByRole('main')
  await page.getByRole('button', { name: /^通知/ }).click()
  const notices = page.getByRole('dialog', { name: '通知' })
  await expect(notices).toContainText('运行超过时限 200 ms，已停止。')
  await expect(notices).toContainText('这是无法识别的文件')
  await app().shoot('words-notices')
  await page.keyboard.press('Escape')
  await shell.go('运行时')
  await expect(main).toContainText('如何确保任务不超出租约')
  await expect(main).not.toContainText(
    /It needs|It runs without|offers .* only|No group can be made|could not be/,
  )
  await app().shoot('words-runtimes')
  await page.getByRole('table').filter({ hasText: '专用核心' }).scrollIntoViewIfNeeded()
  await app().shoot('words-enforcement')
  await shell.go('活动')
  await expect(main).toContainText('导入了')
  await expect(main).toContainText('提交了任务（模拟负载）')
  await app().shoot('words-activity')
  await shell.go('模型')
  await page.getByRole('grid').getByText('layers').first().click()
  await app().shoot('words-model')
})
