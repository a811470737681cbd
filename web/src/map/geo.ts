import type { Feature, FeatureCollection, Geometry, Position } from 'geojson'

export type Box = [west: number, south: number, east: number, north: number]
export type LonLat = [number, number]

function* positions(geometry: Geometry): Generator<Position> {
  switch (geometry.type) {
    case 'Point':
      yield geometry.coordinates
      break
    case 'MultiPoint':
    case 'LineString':
      yield* geometry.coordinates
      break
    case 'MultiLineString':
    case 'Polygon':
      for (const line of geometry.coordinates) yield* line
      break
    case 'MultiPolygon':
      for (const polygon of geometry.coordinates) for (const ring of polygon) yield* ring
      break
    case 'GeometryCollection':
      for (const part of geometry.geometries) yield* positions(part)
  }
}

/** All corners of a collection, as longitude and latitude. */
export function corners(collection: FeatureCollection): LonLat[] {
  const out: LonLat[] = []
  for (const feature of collection.features)
    for (const p of positions(feature.geometry)) out.push([p[0]!, p[1]!])
  return out
}

export function box(points: LonLat[]): Box | null {
  if (!points.length) return null
  const out: Box = [Infinity, Infinity, -Infinity, -Infinity]
  for (const [x, y] of points) {
    out[0] = Math.min(out[0], x)
    out[1] = Math.min(out[1], y)
    out[2] = Math.max(out[2], x)
    out[3] = Math.max(out[3], y)
  }
  return out
}

function ringArea(ring: Position[]): number {
  let sum = 0
  for (let i = 0; i < ring.length - 1; i++) sum += ring[i]![0]! * ring[i + 1]![1]! - ring[i + 1]![0]! * ring[i]![1]!
  return sum / 2
}

function ringCentre(ring: Position[]): LonLat {
  const area = ringArea(ring)
  if (Math.abs(area) < 1e-12) return [ring[0]![0]!, ring[0]![1]!]
  let x = 0
  let y = 0
  for (let i = 0; i < ring.length - 1; i++) {
    const cross = ring[i]![0]! * ring[i + 1]![1]! - ring[i + 1]![0]! * ring[i]![1]!
    x += (ring[i]![0]! + ring[i + 1]![0]!) * cross
    y += (ring[i]![1]! + ring[i + 1]![1]!) * cross
  }
  return [x / (6 * area), y / (6 * area)]
}

/** Where to put a feature's name: the centroid of its largest part. */
export function labelPoint(feature: Feature): LonLat | null {
  const g = feature.geometry
  if (g.type === 'Point') return [g.coordinates[0]!, g.coordinates[1]!]
  const rings = g.type === 'Polygon' ? [g.coordinates[0]!] : g.type === 'MultiPolygon' ? g.coordinates.map((p) => p[0]!) : []
  let best: Position[] | null = null
  for (const ring of rings) if (!best || Math.abs(ringArea(ring)) > Math.abs(ringArea(best))) best = ring
  return best ? ringCentre(best) : null
}

const METRES_PER_DEGREE = (6_371_008.8 * Math.PI) / 180
export const degreesEast = (metres: number, lat: number): number =>
  metres / (METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180))
export const degreesNorth = (metres: number): number => metres / METRES_PER_DEGREE

/** A sector of view as nested polygons that fade outwards; azimuth in degrees from north. */
export function viewSectors(at: LonLat, azimuth: number, halfAngle: number, radius: number, steps = 6): Feature[] {
  const out: Feature[] = []
  for (let k = 1; k <= steps; k++) {
    const r = (radius * k) / steps
    const ring: Position[] = [at]
    for (let i = 0; i <= 12; i++) {
      const a = ((azimuth - halfAngle + (2 * halfAngle * i) / 12) * Math.PI) / 180
      ring.push([at[0] + degreesEast(Math.sin(a) * r, at[1]), at[1] + degreesNorth(Math.cos(a) * r)])
    }
    ring.push(at)
    out.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } })
  }
  return out
}
