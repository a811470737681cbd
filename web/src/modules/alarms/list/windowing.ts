/** Arithmetic of a list that draws only what is looked at: every row has the same height, in pixels. */

export interface Slice {
  /** First row drawn and the one after the last. */
  first: number
  end: number
  /** Pixels above the first row drawn. */
  top: number
  /** Pixels of the whole list. */
  height: number
}

/** Rows to draw at a scroll position, with some above and below so that scrolling never shows an empty strip. */
export function slice(scroll: number, view: number, row: number, count: number, over = 8): Slice {
  const height = count * row
  const at = Math.min(Math.max(0, scroll), Math.max(0, height - view))
  const first = Math.max(0, Math.floor(at / row) - over)
  const end = Math.min(count, Math.ceil((at + view) / row) + over)
  return { first, end: Math.max(first, end), top: first * row, height }
}

/** Where to scroll so that a row is wholly in view; where it already is, the position stays. */
export function reveal(index: number, scroll: number, view: number, row: number): number {
  if (index * row < scroll) return index * row
  if ((index + 1) * row > scroll + view) return Math.max(0, (index + 1) * row - view)
  return scroll
}

/** A line of a list whose parents may be open: the parent's place, and the child's, -1 for the parent itself. */
export interface Place {
  parent: number
  child: number
}

/** What stands in a line, given the open parents (ascending) and how many children each shows. */
export function locate(line: number, open: readonly { at: number; children: number }[]): Place {
  let before = 0
  for (const { at, children } of open) {
    const own = at + before
    if (line <= own) break
    if (line <= own + children) return { parent: at, child: line - own - 1 }
    before += children
  }
  return { parent: line - before, child: -1 }
}

/** The line a parent stands in. */
export function lineOf(parent: number, open: readonly { at: number; children: number }[]): number {
  return parent + open.filter((o) => o.at < parent).reduce((sum, o) => sum + o.children, 0)
}
