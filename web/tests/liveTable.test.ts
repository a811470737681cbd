import { describe, expect, it } from 'vitest'
import { isStale, LiveTable, qualityCode, usable } from '@/live/table'

describe('LiveTable', () => {
  it('keeps the newest reading of each point and says null for no value', () => {
    const table = new LiveTable()
    expect(table.apply([7, 1.5, 1000, 0, 9, null, 2000, 0x83])).toBe(2)
    expect(table.get(7)).toEqual({ value: 1.5, observedAt: 1000, quality: 0 })
    expect(table.get(9)).toEqual({ value: null, observedAt: 2000, quality: 0x83 })
    expect(table.get(8)).toBeNull()
  })

  it('lets no older reading replace a newer one, but takes a correction of the same instant', () => {
    const table = new LiveTable()
    table.apply([1, 10, 5000, 0])
    table.apply([1, 9, 4000, 0])
    expect(table.get(1)?.value).toBe(10)
    table.apply([1, 11, 5000, 4])
    expect(table.get(1)).toEqual({ value: 11, observedAt: 5000, quality: 4 })
  })

  it('holds thousands of points and forgets the dropped ones', () => {
    const table = new LiveTable()
    const flat: number[] = []
    for (let i = 1; i <= 3000; i++) flat.push(i, i / 2, 1000 + i, 0)
    table.apply(flat)
    expect(table.size).toBe(3000)
    expect(table.get(2999)?.value).toBe(1499.5)
    table.drop(2999)
    expect(table.get(2999)).toBeNull()
    table.apply([5001, 3, 10, 0])
    expect(table.get(5001)?.value).toBe(3)
    expect(table.get(2999)).toBeNull()
  })

  it('ignores a torn tail of a frame', () => {
    const table = new LiveTable()
    expect(table.apply([1, 2, 3])).toBe(0)
    expect(table.size).toBe(0)
  })
})

describe('quality', () => {
  it('reads the code under the flags as the server does', () => {
    expect(qualityCode(0x82)).toBe('suspect')
    expect(qualityCode(0x0f)).toBe('unknown')
    expect([0, 1, 4].every((q) => usable(q | 0x80))).toBe(true)
    expect([2, 3, 5, 6].some((q) => usable(q))).toBe(false)
  })

  it('calls a reading stale after three of its own periods', () => {
    expect(isStale(0, 60, 180_000)).toBe(false)
    expect(isStale(0, 60, 180_001)).toBe(true)
    expect(isStale(0, 5, 15_001)).toBe(true)
  })
})
