import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'

const app = appForFile(() => Desktop.startWithKey())

test('an empty store offers a data set and a model to try, and they work', async () => {
  const { shell, page } = app()
  await app().resize(WINDOW)
  await shell.go('Data')
  await app().shoot('samples-data-empty')
  await page.getByRole('main').getByRole('button', { name: 'Try with a sample' }).click()
  await expect(page.getByRole('grid', { name: 'Data sets' })).toContainText('greenhouse')
  await page.getByRole('grid', { name: 'Data sets' }).getByText('greenhouse').click()
  await expect(page.getByRole('main')).toContainText('humidity_percent')
  await app().shoot('samples-data')
  await shell.go('Models')
  await app().shoot('samples-models-empty')
  await page.getByRole('main').getByRole('button', { name: 'Try with a sample' }).click()
  await expect(page.getByRole('grid', { name: 'Models' })).toContainText('digits')
})
