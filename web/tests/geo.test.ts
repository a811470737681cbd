import type { Feature } from 'geojson'
import { describe, expect, it } from 'vitest'
import { box, corners, degreesEast, degreesNorth, labelPoint, viewSectors } from '@/map/geo'

const polygon = (rings: number[][][]): Feature => ({
  type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: rings },
})

describe('geometry of labels', () => {
  it('puts the name into the centroid of the largest part', () => {
    const small = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    const large = [[10, 10], [14, 10], [14, 12], [10, 12], [10, 10]]
    const both: Feature = { type: 'Feature', properties: {}, geometry: { type: 'MultiPolygon', coordinates: [[small], [large]] } }
    expect(labelPoint(both)).toEqual([12, 11])
    expect(labelPoint(polygon([[...small].reverse()]))).toEqual([0.5, 0.5])
  })
  it('has no place for what has no inside', () => {
    expect(labelPoint({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: [[0, 0], [1, 1]] } })).toBeNull()
    expect(box([])).toBeNull()
  })
  it('boxes every corner', () => {
    const found = corners({ type: 'FeatureCollection', features: [polygon([[[1, 2], [3, 2], [3, 5], [1, 2]]])] })
    expect(box(found)).toEqual([1, 2, 3, 5])
  })
})

it('draws a sector of view in its direction and to its range', () => {
  const at: [number, number] = [120.77, 41.8]
  const [inner, outer] = viewSectors(at, 90, 24, 600, 2)
  const reach = box(corners({ type: 'FeatureCollection', features: [outer!] }))!
  expect(reach[2]).toBeCloseTo(at[0] + degreesEast(600, at[1]), 6)
  expect(reach[0]).toBeCloseTo(at[0], 9)
  expect(reach[3] - at[1]).toBeCloseTo(degreesNorth(600 * Math.sin((24 * Math.PI) / 180)), 5)
  expect(box(corners({ type: 'FeatureCollection', features: [inner!] }))![2]).toBeLessThan(reach[2])
})
