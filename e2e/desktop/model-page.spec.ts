import { mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { echoInputs, writeEcho, writeFailing, writeKeras } from '../support/models'
import { ModelPage } from '../support/pages/model-page'
import { fixtures } from '../support/serve'

let folder: string
const app = appForFile(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-page-'))
  return Desktop.startWith(async (api) => {
    for (const seed of [1, 2]) await api.import(await writeEcho(join(folder, 'echo.onnx'), seed), 'echo')
    await api.import(await writeFailing(join(folder, 'failing.onnx')), 'echo')
    await api.call('PUT', '/models/echo/aliases/production', { version: 1 })
    await api.import(join(fixtures, 'mnist_cnn.pt'), 'digits-script')
    await api.import(join(fixtures, 'mnist_cnn.safetensors'), 'digits-weights')
    await api.import(await writeKeras(join(folder, 'flowers.keras')))
    await api.import(join(fixtures, 'mnist_cnn.onnx'), 'digits')
  })
})

/** Calls of apps at the alias, until the canary has ended or there were too many. */
async function trafficUntil(ended: () => Promise<boolean>): Promise<void> {
  for (let sent = 0; sent < 300; sent += 10) {
    await Promise.all(
      Array.from({ length: 10 }, () =>
        app().api.call('POST', '/jobs', {
          kind: 'infer',
          model: 'echo@production',
          inputs: echoInputs(),
          maxAttempts: 1,
          waitMs: 20_000,
        }),
      ),
    )
    if (await ended()) return
  }
  throw new Error('the canary goes on after 300 calls')
}

async function hasCanary(): Promise<boolean> {
  const { body } = await app().api.call('GET', '/models/echo')
  return body.aliases[0].canary !== null
}

test('notes and tags are written in place and outlive a restart', async () => {
  const before = new ModelPage(app().page, 'echo')
  await before.open(2)
  const notes = before.panel('Notes and tags')
  await notes.getByRole('button', { name: 'Edit' }).click()
  await expect(notes.getByRole('textbox', { name: 'Notes' })).toBeFocused()
  await notes.getByRole('button', { name: 'Cancel' }).click()
  await expect(notes.getByRole('button', { name: 'Edit' })).toBeFocused()
  await before.annotate('Trained on the second half.\nBetter at night.', ['good', 'pinned'])
  await expect(before.versions.getByRole('listitem').nth(1)).toContainText('pinned')
  await app().closeWindow()
  await app().launch()
  const after = new ModelPage(app().page, 'echo')
  await after.open(2)
  await expect(after.panel('Notes and tags')).toContainText('Better at night.')
  await expect(after.tags).toHaveText(['good', 'pinned'])
})

test('the time line says what is new in each version', async () => {
  const model = new ModelPage(app().page, 'echo')
  await model.open(1)
  const entries = model.versions.getByRole('listitem')
  await expect(entries.nth(0)).toContainText(/Version 3.*ONNX · \+\d+ B/)
  await expect(entries.nth(1)).toContainText(/Version 2.*ONNX · same size/)
  await expect(entries.nth(2)).toContainText(/Version 1.*production/)
})

test('two versions side by side, both chosen', async () => {
  const model = new ModelPage(app().page, 'echo')
  await model.open(2)
  await model.chooseTab('Compare')
  await expect(model.comparison('At a glance')).toContainText('Version 1')
  await model.choose('To', 'Version 3')
  await expect(app().page.getByText('Same inputs and outputs: who calls version 1')).toBeVisible()
  await expect(model.comparison('Signature').getByRole('row')).toHaveCount(3)
  await expect(model.comparison('Files')).toContainText('added')
  await expect(model.panel('Tensors')).toContainText('1 added · 0 removed')
  await app().page.getByRole('button', { name: 'Swap the versions' }).click()
  await expect(model.panel('Tensors')).toContainText('0 added · 1 removed')
  await app().shoot('compare')
})

test('a canary that fails is rolled back by itself, and the history says why', async () => {
  const model = new ModelPage(app().page, 'echo')
  await model.open(1)
  await model.startCanary('production', 3, {
    'Share of the traffic': '60',
    'Requests before it is judged': '5',
  })
  await expect(model.canary).toContainText('Canary: version 3, 60% of production')
  await expect(model.versions.getByRole('listitem').first()).toContainText('production 60%')
  await trafficUntil(async () => !(await hasCanary()))
  await expect(model.canary).toBeHidden()
  await expect(model.aliasHistory.first()).toContainText('canary rolled back, stays version 1')
  await expect(model.aliasHistory.first()).toContainText(
    /version 3, was rolled back: \d of \d requests failed/,
  )
})

test('a canary shows both sides live, is rolled back when it is slow, and another is promoted', async () => {
  const model = new ModelPage(app().page, 'echo')
  await model.open(1)
  await model.startCanary('production', 2, {
    'Share of the traffic': '50',
    'Requests before it is judged': '1000',
  })
  let calls = 0
  await trafficUntil(async () => ++calls === 2)
  const requests = model.canary.getByRole('row', { name: 'Requests' }).getByRole('cell')
  await expect
    .poll(async () =>
      (await requests.allTextContents()).slice(0, 2).reduce((sum, text) => sum + Number(text), 0),
    )
    .toBe(20)
  await expect(model.canary).toContainText(/Judged after 9\d\d more requests/)
  await expect(model.aliasHistory.first()).toContainText('50% goes to version 2 as a canary')
  await app().shoot('canary')

  await model.canary.getByRole('button', { name: 'Change…' }).click()
  const dialog = app().page.getByRole('dialog', { name: 'Try a version as canary' })
  await expect(dialog).toContainText('The counts begin anew.')
  await dialog.getByLabel('95th percentile at most').fill('0.001')
  await dialog.getByLabel('Requests before it is judged').fill('3')
  await dialog.getByRole('button', { name: 'Start canary' }).click()
  await trafficUntil(async () => !(await hasCanary()))
  await expect(model.aliasHistory.first()).toContainText(/95th percentile is [\d.]+ ms, more than 0.001 ms/)

  await model.startCanary('production', 2, { Reason: 'Smaller, with the same answers' })
  await expect(model.aliasHistory.first()).toContainText('Smaller, with the same answers')
  await model.canary.getByRole('button', { name: 'Stop' }).click()
  await expect(model.aliasHistory.first()).toContainText('canary stopped, was version 2')
  await app().shoot('canary-history')
  await model.startCanary('production', 2, {})
  await model.canary.getByRole('button', { name: 'Promote' }).click()
  await expect(model.alias('production', 2)).toBeVisible()
  await expect(model.aliasHistory.first()).toContainText('The canary was promoted')
})

test('an alias moves with a reason, and goes back in one click', async () => {
  const { page } = app()
  const model = new ModelPage(page, 'echo')
  await model.open(1)
  await model.alias('production', 2).click()
  await page.getByRole('menuitem', { name: 'Move to another version…' }).click()
  await model.choose('Version', 'Version 1')
  await page.getByLabel('Reason (optional)').fill('Answers at night were wrong')
  await page.getByRole('button', { name: 'Set alias' }).click()
  await expect(model.aliasHistory.first()).toContainText('Answers at night were wrong')
  await model.aliasHistory.first().getByRole('button').click()
  await expect(model.alias('production', 2)).toBeVisible()
})

test('a policy says what it lets go, and a collection in Settings lets it go', async () => {
  const { page, shell } = app()
  const model = new ModelPage(page, 'echo')
  await model.open(2)
  const panel = model.panel('Keeping')
  await panel.getByRole('button', { name: 'Edit' }).click()
  await model.choose('Keep', 'the newest versions')
  await panel.getByLabel('How many of the newest').fill('1')
  await expect(panel).toContainText('The next clean-up removes version 1, unless')
  await panel.getByLabel('Family').fill('echoes')
  await panel.getByRole('button', { name: 'Save' }).click()
  await expect(panel).toContainText('the newest version')
  await expect(panel).toContainText('echoes')
  await expect(panel.getByRole('button', { name: 'Edit' })).toBeFocused()

  await shell.go('Settings')
  await page.getByRole('button', { name: 'Free unused space' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Free unused space' }).click()
  await expect(shell.notice(/No longer kept: echo@1\./)).toBeVisible()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Free unused space' })).toBeFocused()
  await page.getByRole('button', { name: 'Check every file' }).click()
  await expect(shell.notice(/all as they should be/)).toBeVisible()
  await shell.openTasks()
  await expect(shell.task('Freeing unused space')).toContainText('No longer kept: echo@1.')
  await expect(shell.task('Check of every file')).toContainText('all as they should be')
  await app().shoot('maintenance')
  await shell.closeTasks()
  await model.open(1)
  await expect(shell.main).toContainText('There is no version 1 here (any more). This is version 2.')
  await app().shoot('model-version-gone')
  await model.open(2)
  await expect(model.versions.getByRole('listitem')).toHaveText([/Version 3/, /Version 2/])
})

test('a version is exported as one file', async () => {
  const model = new ModelPage(app().page, 'echo')
  await model.open(2)
  const path = join(folder, 'echo-2.tar')
  const howItEnded = await app().saveNextDownload(path)
  await app().page.getByRole('main').getByRole('link', { name: 'Export' }).click()
  expect(await howItEnded()).toBe('echo-2.tar completed')
  expect((await stat(path)).size).toBeGreaterThan(100)
  expect(await app().api.import(path)).toMatchObject({
    state: 'completed',
    model: 'echo',
    version: 2,
    known: true,
  })
})

test('a format without a runtime says why, and the command that helps', async () => {
  const model = new ModelPage(app().page, 'flowers')
  await model.open(1)
  const { shell } = app()
  await expect(shell.main).toContainText('This version cannot run here. No runtime takes Keras.')
  await expect(shell.main).toContainText("keras.models.load_model('model.keras').export('DIR')")
  await expect(shell.main).toContainText('python -m tf2onnx.convert --saved-model DIR --output model.onnx')
  await app().shoot('cannot-run')
})

test('bare weights take the graph of a TorchScript version', async () => {
  const model = new ModelPage(app().page, 'digits-weights')
  await model.open(1)
  const { shell } = app()
  await expect(shell.main).toContainText('This version cannot run here.')
  await model.choose('Architecture', 'digits-script@1')
  await expect
    .poll(async () => (await app().api.call('GET', '/models/digits-weights/versions/1')).body.architecture)
    .toBe('digits-script@1')
  await app().shoot('architecture')
})

test('the tensors of a version, found by name or shape', async () => {
  const { page } = app()
  const model = new ModelPage(page, 'digits-weights')
  await model.open(1, 'tensors')
  const table = page.getByRole('grid', { name: 'Tensors' })
  await expect(table).toContainText('c1.weight')
  const before = await table.getByRole('row').count()
  await page.getByRole('textbox', { name: 'Search name, type or shape' }).fill('bias')
  await expect.poll(() => table.getByRole('row').count()).toBeLessThan(before)
  await expect(table).not.toContainText('weight')
})

test('benchmarks of all versions, and the job behind each', async () => {
  const { api, page } = app()
  for (const threads of [1, 2]) {
    const job = { kind: 'benchmark', model: 'echo@2', iterations: 20, threads, waitMs: 60_000 }
    const { body } = await api.call('POST', '/jobs', job)
    expect(body.state).toBe('succeeded')
  }
  const model = new ModelPage(page, 'echo')
  await model.open(2, 'benchmarks')
  const rows = page.getByRole('grid', { name: 'All benchmarks' }).getByRole('row')
  await expect(rows).toHaveCount(3)
  await expect(page.getByRole('img', { name: /Latency by version: version 2 p50/ })).toBeVisible()
  await model.choose('Measured on', 'CPU, 2 threads')
  await expect(rows.nth(1)).toContainText('CPU, 2 threads')
  await rows.nth(1).click()
  await expect(page).toHaveURL(/#\/jobs\//)
})

test('the lineage leads from a model to the job and the data set that came from it', async () => {
  const { api, page, shell } = app()
  const items = Array.from({ length: 3 }, echoInputs)
  const job = { kind: 'batch', name: 'Echo three', model: 'echo@2', items, waitMs: 60_000 }
  const { id } = (await api.call('POST', '/jobs', job)).body
  const { body } = await api.call('POST', `/jobs/${id}/dataset`, { name: 'echoed' })
  await api.until(`/imports/${body.id}`, ({ state }) => state === 'completed')

  const model = new ModelPage(page, 'echo')
  await model.open(2, 'lineage')
  const graph = page.getByRole('region', { name: /^Where echo came from/ })
  await expect(graph.getByRole('link', { name: /echoed@1/ })).toBeVisible()
  await expect(graph.getByRole('listitem').filter({ hasText: 'echo@2 leads to Echo three' })).toBeAttached()
  await app().shoot('lineage')
  const link = graph.getByRole('link', { name: /Echo three/ })
  await link.focus()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`#/jobs/${id}$`))
  await expect(shell.main).toContainText('Echo three')
})
