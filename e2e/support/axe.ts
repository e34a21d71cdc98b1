import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'

/** What of a page breaks a rule of accessibility seriously, as axe says it. @param rules only these; all without */
export async function seriousViolations(page: Page, rules?: string[]) {
  // A window reads axe once: reading it, and running it before it is compiled, takes longer than judging a page.
  const isThere = await page.evaluate(() => 'axe' in window)
  const axe = new AxeBuilder({ page, ...(isThere && { axeSource: 'void axe' }) })
    // Electron has no second page for the results, as the newer mode wants.
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'] })
  if (rules) axe.withRules(rules)
  const { violations } = await axe.analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
    }))
}
