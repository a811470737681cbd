import { beforeAll, describe, expect, it } from 'vitest'
import { setLanguage } from '@/i18n'
import { age, compass, elapsed, hourMinute, midnight, number, percent, setTimeZone, unit } from '@/lib/format'

beforeAll(() => {
  setLanguage('en')
  setTimeZone('Asia/Shanghai')
})

describe('number', () => {
  it('shows about three significant figures and never invents a zero', () => {
    expect(number(null)).toBe('—')
    expect(number(NaN)).toBe('—')
    expect(number(0)).toBe('0')
    expect(number(1234567.8)).toBe('1,234,568')
    expect(number(182.44)).toBe('182.4')
    expect(number(100)).toBe('100')
    expect(number(9.876)).toBe('9.88')
    expect(number(0.0456)).toBe('0.046')
  })
  it('writes a true minus, but not before a rounded zero', () => {
    expect(number(-3.25, 1)).toBe('−3.3')
    expect(number(-0.001, 1)).toBe('0.0')
    expect(percent(-0.0321, 1, true)).toBe('−3.2%')
    expect(percent(0.0321, 1, true)).toBe('+3.2%')
  })
})

describe('time', () => {
  it('is the civil time of the zone, wherever the browser stands', () => {
    const at = Date.UTC(2026, 10, 23, 6, 32, 7)
    expect(hourMinute(at)).toBe('14:32')
    expect(midnight(at)).toBe(Date.UTC(2026, 10, 22, 16))
    expect(midnight(Date.UTC(2026, 10, 22, 16))).toBe(Date.UTC(2026, 10, 22, 16))
  })
  it('says how long something has lasted', () => {
    expect(elapsed(222_000)).toBe('03:42')
    expect(elapsed(3_723_000)).toBe('1:02:03')
    expect(elapsed(90_000_000)).toBe('1 d 01:00')
    expect(age(42_000)).toBe('42 s')
    expect(age(7_200_000)).toBe('2 h')
  })
})

it('names directions by the nearest of sixteen points', () => {
  expect([0, 22.4, 112, 292.5, 359, -10, 720].map(compass)).toEqual(['N', 'NNE', 'ESE', 'WNW', 'N', 'N', 'N'])
})

it('writes units as people do', () => {
  expect(['mg/m3', 'ug/m3', 'degC', 'Nm3/h', 'W/m2', 'm/s', '1', '%LEL', 'uS/cm'].map(unit)).toEqual([
    'mg/m³', 'µg/m³', '℃', 'Nm³/h', 'W/m²', 'm/s', '', '%LEL', 'µS/cm',
  ])
})
