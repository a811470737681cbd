import { describe, expect, it } from 'vitest'
import { cycle, PATTERNS, type Pattern } from '@/modules/duty/patterns'
import { pageOf } from '@/modules/duty/subject'

const minutes = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3))
const lasts = (k: { start: string; end: string }): number => (minutes(k.end) - minutes(k.start) + 1440) % 1440 || 1440

describe.each(Object.entries(PATTERNS) as [string, Pattern][])('%s', (_, pattern) => {
  const days = cycle(pattern)
  it('covers the day without gap or overlap', () => {
    expect(pattern.kinds.reduce((sum, k) => sum + lasts(k), 0)).toBe(1440)
    for (const [i, k] of pattern.kinds.entries()) expect(k.end).toBe(pattern.kinds[(i + 1) % pattern.kinds.length]!.start)
  })
  it('names a known crew for each shift of each day, none twice a day', () => {
    for (const day of days) {
      expect(Object.keys(day)).toEqual(pattern.kinds.map((k) => k.code))
      expect(Object.values(day).every((crew) => pattern.crews.includes(crew))).toBe(true)
      expect(new Set(Object.values(day)).size).toBe(pattern.kinds.length)
    }
  })
  it('lets every crew work the same number of shifts of each kind', () => {
    for (const kind of pattern.kinds) {
      const counts = pattern.crews.map((crew) => days.filter((day) => day[kind.code] === crew).length)
      expect(new Set(counts).size).toBe(1)
    }
  })
})

describe('the page of what a line is about', () => {
  it('is what the server says, else what we know of the kind, else none', () => {
    expect(pageOf({ kind: 'case', id: '7' }, '/somewhere')).toBe('/somewhere')
    expect(pageOf({ kind: 'case', id: '7' })).toEqual({ name: 'case', params: { id: '7' } })
    expect(pageOf({ kind: 'weather', id: '7' })).toBeNull()
    expect(pageOf(null)).toBeNull()
  })
})
