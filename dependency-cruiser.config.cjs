// The boundaries of docs/architecture.md, as rules that fail the build.

const modules = 'core|storage|security|compute|network'
const tests = '[.](test|integration[.]test)[.]tsx?$'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one idea, or the wrong two.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'one-door',
      comment: 'A module is used through its index.ts; nobody reaches past it.',
      severity: 'error',
      from: { path: '^src/main/([^/]+)', pathNot: [...[tests].flat(), '/testing/'] },
      to: {
        path: `^src/main/(${modules})/`,
        pathNot: ['^src/main/$1/', `^src/main/(${modules})/index[.]ts$`],
      },
    },
    {
      name: 'electron-only-at-the-edge',
      comment:
        'The system also runs in plain Node: only the Electron entry and platform/electron may know it.',
      severity: 'error',
      from: { path: '^src/main/', pathNot: ['^src/main/index[.]ts$', '^src/main/platform/electron/'] },
      to: { path: '^(electron$|node_modules/electron/)' },
    },
    {
      name: 'shared-is-pure',
      comment: 'Every process reads shared/: no Node, no Electron, nothing of a process.',
      severity: 'error',
      from: { path: '^src/shared/', pathNot: tests },
      to: { path: ['^(electron$|node_modules/electron/)', '^src/(main|preload|renderer)/'] },
    },
    {
      name: 'shared-without-node',
      severity: 'error',
      from: { path: '^src/shared/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'renderer-without-node',
      comment: 'The window is sandboxed: it has packages and shared/, and the contract for all else.',
      severity: 'error',
      from: { path: '^src/renderer/', pathNot: tests },
      to: { path: ['^(electron$|node_modules/electron/)', '^src/(main|preload)/'] },
    },
    {
      name: 'renderer-without-node-builtins',
      severity: 'error',
      from: { path: '^src/renderer/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'main-without-renderer',
      severity: 'error',
      from: { path: '^src/(main|preload)/' },
      to: { path: '^src/renderer/' },
    },
    {
      name: 'workers-stand-alone',
      comment: 'A worker may crash alone: it shares platform/ and shared/ with the system, nothing else.',
      severity: 'error',
      from: { path: '^src/main/runtimes/([^/]+)/', pathNot: ['[.]test[.]ts$', '/(?!worker)[^/]*[.]ts$'] },
      to: { path: '^src/main/', pathNot: ['^src/main/runtimes/', '^src/main/platform/(?!electron/)'] },
    },
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: [tests, '/testing/'] },
      to: { path: [tests, '/testing/'] },
    },
  ],
  options: {
    doNotFollow: { path: '^node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    exclude: { path: '[.]css$' },
  },
}
