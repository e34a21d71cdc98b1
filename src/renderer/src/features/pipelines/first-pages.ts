interface PageOf<Item> {
  items: Item[]
  nextCursor: string | null
}

/** The first pages of a list as one, asked for one after the other, and whether there is more behind them. */
export async function firstPages<Item>(
  ask: (cursor: string | undefined) => Promise<PageOf<Item>>,
  pages: number,
): Promise<{ items: Item[]; pages: number; more: boolean }> {
  const items: Item[] = []
  let cursor: string | undefined
  for (let page = 1; ; page++) {
    const answer = await ask(cursor)
    items.push(...answer.items)
    if (answer.nextCursor === null) return { items, pages: page, more: false }
    if (page >= pages) return { items, pages: page, more: true }
    cursor = answer.nextCursor
  }
}
