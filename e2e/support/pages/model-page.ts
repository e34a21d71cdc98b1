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

  /** Opens the page at a version, in one of its parts. */
  async open(version: number, tab = 'overview'): Promise<void> {
    await this.page.evaluate(
      ([name, number, part]) => {
        location.hash = `/models/${name}/${number}?tab=${part}`
      },
      [this.name, String(version), tab] as const,
    )
    await this.title.waitFor()
  }

  async chooseTab(name: string): Promise<void> {
    await this.page.getByRole('tab', { name }).click()
  }

  get tags(): Locator {
    return this.panel('Notes and tags').locator('[class*=tags] > *')
  }

  async annotate(notes: string, tags: readonly string[]): Promise<void> {
    const panel = this.panel('Notes and tags')
    await panel.getByRole('button', { name: 'Edit' }).click()
    await panel.getByRole('textbox', { name: 'Notes' }).fill(notes)
    for (const tag of tags) {
      await panel.getByRole('combobox', { name: 'Tags' }).fill(tag)
      await this.page.keyboard.press('Enter')
    }
    await panel.getByRole('button', { name: 'Save' }).click()
    await panel.getByRole('button', { name: 'Edit' }).waitFor()
  }

  /** Chooses from a select of this page or its dialog. */
  async choose(label: string, option: string): Promise<void> {
    await this.page.getByRole('combobox', { name: label, exact: true }).click()
    await this.page.getByRole('option', { name: option, exact: true }).click()
  }

  /** The table of a part of the comparison. */
  comparison(title: string): Locator {
    return this.page.getByRole('table', { name: title })
  }

  get canary(): Locator {
    return this.page.getByRole('region', { name: /^Canary: / })
  }

  /** Starts a canary of an alias from the menu of the version to try. */
  async startCanary(alias: string, version: number, fields: Record<string, string>): Promise<void> {
    await this.chooseFromVersion(version, `Try as canary of ${alias}…`)
    const dialog = this.page.getByRole('dialog', { name: 'Try a version as canary' })
    for (const [label, text] of Object.entries(fields)) await dialog.getByLabel(label).fill(text)
    await dialog.getByRole('button', { name: 'Start canary' }).click()
    await dialog.waitFor({ state: 'hidden' })
  }
}
