import { describe, expect, it } from 'vitest'
import { csvCell, csvName, toCsv } from '@/lib/csv'
import { giveQuery, takeQuery } from '@/lib/useRows'

describe('files a spreadsheet opens', () => {
  it('quotes what would break a row and disarms formulas, but leaves numbers alone', () => {
    expect(csvCell('a,b')).toBe('"a,b"')
    expect(csvCell('say "no"')).toBe('"say ""no"""')
    expect(csvCell('two\nlines')).toBe('"two\nlines"')
    expect(csvCell('=HYPERLINK("x")')).toBe(`"'=HYPERLINK(""x"")"`)
    expect(csvCell('@sum')).toBe("'@sum")
    expect(csvCell(-3.5)).toBe('-3.5')
    expect(csvCell(null)).toBe('')
    expect(csvCell(false)).toBe('false')
  })
  it('starts with the mark that says UTF-8 and ends every line', () => {
    const text = toCsv([{ label: '名称', value: (r: { n: string }) => r.n }], [{ n: '一号' }, { n: '二号' }])
    expect(text).toBe('\uFEFF名称\r\n一号\r\n二号\r\n')
  })
  it('names a file by its instant in UTC', () => {
    expect(csvName('devices', Date.UTC(2026, 10, 23, 22, 57, 9))).toBe('devices-20261123T2257Z.csv')
  })
})

describe('filters in the address', () => {
  const defaults = { q: '', protocol: '', sort: 'code', page: '1' }
  it('takes what is there, leaves strangers and repeated parameters', () => {
    expect(takeQuery({ q: 'DA', from: '2026', protocol: ['a', 'b'] }, defaults)).toEqual({ ...defaults, q: 'DA' })
  })
  it('writes only what differs, so that a plain list has a plain address', () => {
    expect(giveQuery(defaults, defaults)).toEqual({ q: undefined, protocol: undefined, sort: undefined, page: undefined })
    expect(giveQuery({ ...defaults, page: '3' }, defaults).page).toBe('3')
  })
  it('comes back from the address as it went', () => {
    const state = { q: '空压机 #2', protocol: 'modbus', sort: '-name', page: '2' }
    const given = Object.fromEntries(Object.entries(giveQuery(state, defaults)).filter(([, v]) => v !== undefined))
    expect(takeQuery(given as Record<string, string>, defaults)).toEqual(state)
  })
})
