import type { Locator, Page } from '@playwright/test'

type Filler = 'Zeros' | 'Ramp' | 'Random' | 'Values' | 'File'

/** The form made from a model's signature, with the job that it started below. */
export class RunForm {
  constructor(
    readonly page: Page,
    readonly reference: string,
  ) {}

  get panel(): Locator {
    return this.page.getByRole('complementary', { name: `Run ${this.reference}` })
  }

  get form(): Locator {
    return this.panel.getByRole('form', { name: `Run ${this.reference}` })
  }

  input(name: string): Locator {
    return this.form.getByRole('group', { name, exact: true })
  }

  async kind(name: 'Run once' | 'Batch' | 'Benchmark'): Promise<void> {
    await this.form.getByRole('tab', { name }).click()
  }

  async fillBy(input: string, filler: Filler): Promise<void> {
    await this.form
      .getByRole('radiogroup', { name: `How to fill ${input}` })
      .getByText(filler, { exact: true })
      .click()
  }

  async values(input: string, values: unknown): Promise<void> {
    await this.fillBy(input, 'Values')
    await this.form.getByRole('textbox', { name: `Values of ${input} as JSON` }).fill(JSON.stringify(values))
  }

  async file(input: string, path: string): Promise<void> {
    await this.fillBy(input, 'File')
    const chooser = this.page.waitForEvent('filechooser')
    await this.form.getByRole('button', { name: `Choose a file for ${input}` }).click()
    await (await chooser).setFiles(path)
  }

  async scalar(input: string, value: string): Promise<void> {
    await this.form.getByRole('textbox', { name: `Value of ${input}` }).fill(value)
  }

  async number(label: string, value: number): Promise<void> {
    await this.form.getByLabel(label, { exact: true }).fill(String(value))
  }

  async submit(name: string): Promise<void> {
    await this.form.getByRole('button', { name, exact: true }).click()
  }

  /** The job that was submitted, below the form. */
  job(name: string): Locator {
    return this.panel.getByRole('region', { name, exact: true })
  }

  /** Why it was not submitted. */
  get problem(): Locator {
    return this.form.getByRole('alert').last()
  }
}
