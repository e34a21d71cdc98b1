/** Where the window and a browser download a version as one file. */
export function archiveAddress(model: string, version: number): string {
  return `/api/models/${encodeURIComponent(model)}/versions/${version}/archive`
}
