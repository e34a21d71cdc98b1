import type { Locator, Page } from '@playwright/test'
import { RunForm } from './run-form'

/** The page of one model: versions, aliases, signature, and the form that runs it. */
export class ModelPage {
  constructor(
    readonly page: Page,
    readonly name: string,
  ) {}

  get title(): Locator {
    return this.page.getByRole('heading', { level: 1, name: `Models ${this.name}`, exact: true })
  }

  panel(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  get versions(): Locator {
    return this.panel('Versions')
  }

  get signature(): Locator {
    return this.panel('Signature').getByRole('row')
  }

  get about(): Locator {
    return this.panel('About')
  }

  get aliasHistory(): Locator {
    return this.panel('Alias history').getByRole('listitem')
  }

  /** The badge of an alias, which names the version it stands for. */
  alias(alias: string, version: number): Locator {
    return this.versions.getByRole('button', { name: `Alias ${alias}, version ${version}` })
  }

  async chooseFromVersion(version: number, action: string): Promise<void> {
    await this.versions.getByRole('button', { name: `Actions for version ${version}` }).click()
    await this.page.getByRole('menuitem', { name: action }).click()
  }

  async run(reference: string): Promise<RunForm> {
    await this.page.getByRole('main').getByRole('button', { name: 'Run', exact: true }).first().click()
    const form = new RunForm(this.page, reference)
    await form.form.waitFor()
    return form
  }
}
