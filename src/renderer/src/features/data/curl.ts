/**
 * How to run a model over a data set from a shell: submit, and wait for the result. The key is read from `$KEY`.
 * @param model a reference, or what stands for one; neither it nor the data set has a quote in its name
 */
export function batchSnippet(apiUrl: string, model: string, dataset: string): string {
  const api = apiUrl.replace(/(\/api)?\/*$/, '')
  return [
    `curl -s ${api}/api/jobs \\`,
    '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\',
    `  -d '{"kind":"batch","model":"${model}","dataset":"${dataset}",`,
    `       "batchSize":16,"waitMs":60000}'`,
  ].join('\n')
}
