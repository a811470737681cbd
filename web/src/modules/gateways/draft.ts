import type { ProposalOut, Vocabulary } from './types'

/** One row of the onboarding form. */
export interface DraftRow {
  address: string
  sample: string
  use: boolean
  code: string
  name: string
  name_en: string
  quantity: string
  unit: string
  source_unit: string
  kind: string
  period_s: number
  /** Use this existing point instead of making one. */
  point_id: number | null
}

/** A code of what codes may hold: letters, digits, and `. _ : -` between them. */
export const plainCode = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9_:.-]+/g, '.').replaceAll(/\.{2,}/g, '.').replaceAll(/^[^A-Za-z0-9]+|\.$/g, '').slice(0, 96)

/** The point code suggested for an address of a device; `-Rtd` and its like are no part of the name. */
export const pointCode = (device: string, address: string): string => plainCode(`${device}.${address.replace(/-Rtd$/, '')}`)

/** Rows as proposed; those whose quantity a person must decide are left out until somebody does. */
export function draftRows(proposals: ProposalOut[], device: string, periodS = 60): DraftRow[] {
  return proposals.map((p) => ({
    address: p.address, sample: p.sample, use: p.quantity !== null && p.quantity !== undefined, code: pointCode(device, p.address),
    name: p.name, name_en: p.name_en, quantity: p.quantity ?? '', unit: p.unit ?? '', source_unit: p.unit ?? '',
    kind: p.kind, period_s: periodS, point_id: null,
  }))
}

export type Conflict = 'code_missing' | 'code_twice' | 'code_exists' | 'name_missing' | 'quantity_missing' | 'unit_missing' | 'unit_wrong' | 'address_twice'

/** What keeps each used row from becoming a point, by index; an empty map means nothing does. */
export function conflicts(rows: DraftRow[], existing: ReadonlyMap<string, number>, vocabulary: Vocabulary | null): Map<number, Conflict[]> {
  const found = new Map<number, Conflict[]>()
  const count = (key: (r: DraftRow) => string): Map<string, number> => {
    const n = new Map<string, number>()
    for (const r of rows) if (r.use) n.set(key(r), (n.get(key(r)) ?? 0) + 1)
    return n
  }
  const addresses = count((r) => r.address)
  const codes = count((r) => (r.point_id ? `#${r.point_id}` : r.code.trim()))
  for (const [i, row] of rows.entries()) {
    if (!row.use) continue
    const why: Conflict[] = []
    if ((addresses.get(row.address) ?? 0) > 1) why.push('address_twice')
    if (!row.point_id) {
      const code = row.code.trim()
      if (!code) why.push('code_missing')
      else if ((codes.get(code) ?? 0) > 1) why.push('code_twice')
      else if (existing.has(code)) why.push('code_exists')
      if (!row.name.trim()) why.push('name_missing')
      const quantity = vocabulary?.quantities.find((q) => q.key === row.quantity)
      if (!row.quantity) why.push('quantity_missing')
      // Where the standard leaves the unit open, a person who has seen the instrument says it.
      else if (!row.unit) why.push('unit_missing')
      else if (quantity && !quantity.units.includes(row.unit)) why.push('unit_wrong')
    }
    if (why.length) found.set(i, why)
  }
  return found
}
