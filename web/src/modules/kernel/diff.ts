/** What a change changed: members of two noted states, side by side. */

export interface Change {
  path: string
  before: string | null
  after: string | null
  kind: 'added' | 'removed' | 'changed' | 'same'
}

function flat(value: unknown, path: string, out: Map<string, string>): void {
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
    // An empty list is a value of its own.
    if (!entries.length) out.set(path || '·', Array.isArray(value) ? '[]' : '{}')
    for (const [key, inner] of entries) flat(inner, path ? `${path}.${key}` : key, out)
  } else out.set(path || '·', value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value))
}

/** Members of both states in the order in which they were noted; `same` ones last. */
export function changes(before: unknown, after: unknown): Change[] {
  const a = new Map<string, string>()
  const b = new Map<string, string>()
  if (before !== null && before !== undefined) flat(before, '', a)
  if (after !== null && after !== undefined) flat(after, '', b)
  const rows: Change[] = [...new Set([...a.keys(), ...b.keys()])].map((path) => {
    const x = a.get(path) ?? null
    const y = b.get(path) ?? null
    return { path, before: x, after: y, kind: x === null ? 'added' : y === null ? 'removed' : x === y ? 'same' : 'changed' }
  })
  return [...rows.filter((r) => r.kind !== 'same'), ...rows.filter((r) => r.kind === 'same')]
}
