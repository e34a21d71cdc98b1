/** What the dialog for a new pipeline begins with: it runs on any machine. */
export const EXAMPLE = JSON.stringify(
  {
    name: 'Nightly report',
    jobs: [
      { key: 'collect', kind: 'synthetic', durationMs: 2000 },
      { key: 'images', kind: 'synthetic', durationMs: 4000, dependsOn: ['collect'] },
      { key: 'texts', kind: 'synthetic', durationMs: 3000, dependsOn: ['collect'] },
      { key: 'report', kind: 'synthetic', durationMs: 1000, dependsOn: ['images', 'texts'] },
      {
        key: 'alert',
        kind: 'synthetic',
        durationMs: 500,
        dependsOn: ['images', 'texts'],
        runWhen: 'failed',
      },
    ],
  },
  null,
  2,
)
