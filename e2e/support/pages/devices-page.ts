import type { Locator, Page } from '@playwright/test'

/** The hardware: a card for each device, and who holds what. */
export class DevicesPage {
  constructor(readonly page: Page) {}

  card(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  get resources(): Locator {
    return this.card('Resources')
  }

  /** What a job holds of a resource, in the bar of the device. */
  held(resource: string, job: string): Locator {
    return this.page.getByRole('list', { name: resource }).getByRole('link', { name: new RegExp(job) })
  }

  /** Whether the cores of a device that other programs keep busy are left to them. */
  yields(name: string): Locator {
    return this.card(name).getByRole('switch', { name: 'Leave busy cores to other programs' })
  }

  /** The rows of who holds what, without the head. */
  get leases(): Locator {
    const grid = this.page.getByRole('grid', { name: 'Who holds what' })
    return grid.getByRole('row').filter({ has: this.page.getByRole('gridcell') })
  }

  async declare(device: { kind: string; name: string }): Promise<void> {
    await this.page.getByRole('button', { name: 'Declare a device' }).click()
    const dialog = this.page.getByRole('dialog', { name: 'Declare a device' })
    await dialog.getByRole('combobox', { name: 'Kind' }).click()
    await this.page.getByRole('option', { name: device.kind, exact: true }).click()
    await dialog.getByRole('textbox', { name: 'Name' }).fill(device.name)
    await dialog.getByRole('button', { name: 'Declare', exact: true }).click()
    await dialog.waitFor({ state: 'hidden' })
  }

  async remove(name: string): Promise<void> {
    await this.card(name)
      .getByRole('button', { name: `Remove ${name}` })
      .click()
    await this.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  }
}
