/** Tables as files a spreadsheet opens without harm: UTF-8 with a mark, quoted, formulas disarmed. */

export interface CsvColumn<T> {
  label: string
  value: (row: T) => string | number | boolean | null | undefined
}

/** One cell: quoted where needed; text that a spreadsheet would run as a formula is led by an apostrophe. */
export function csvCell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function toCsv<T>(columns: CsvColumn<T>[], rows: readonly T[]): string {
  const lines = [columns.map((c) => csvCell(c.label)).join(',')]
  for (const row of rows) lines.push(columns.map((c) => csvCell(c.value(row))).join(','))
  return `\uFEFF${lines.join('\r\n')}\r\n`
}

/** `devices-20261123T2257Z.csv`: what is in it and the instant it was taken, in UTC. */
export function csvName(what: string, ms: number): string {
  const stamp = new Date(ms).toISOString().replace(/[-:]/g, '').slice(0, 13)
  return `${what}-${stamp}Z.csv`
}
