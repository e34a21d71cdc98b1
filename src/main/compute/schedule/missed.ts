/** @param most what is aimed at @returns what to say of an aim that is missed; nothing of one that is reached */
export function missed(what: string, reached: number, most: number): string[] {
  return reached <= most ? [] : [`${what}: ${reached.toFixed(4)}, the aim is ${most}`]
}
