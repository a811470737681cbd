"""GLSL of the renderer.

``eye``, ``level`` and ``head`` take a vertex from the zone's frame to the camera's: place relative to the optical centre,
turned into the camera's own east-north-up, raised by refraction, turned into right-down-forward.
"""

from __future__ import annotations

_SEEN = """
uniform vec3 eye; uniform mat3 level; uniform mat3 head; uniform vec2 scale; uniform float bend; uniform vec2 depths;
vec3 seen(vec3 p) {
  vec3 r = level * (p - eye);
  r.z += bend * dot(r.xy, r.xy);
  return head * r;
}
vec4 clip(vec3 c) {
  float n = depths.x, f = depths.y;
  return vec4(c.x * scale.x, c.y * scale.y, (c.z * (f + n) - 2.0 * f * n) / (f - n), c.z);
}
"""

BODY_VERTEX = (
    "#version 330\n"
    + _SEEN
    + """
in vec3 at; in vec4 normal; in vec4 colour; in vec2 wall;
uniform vec3 sun_to; uniform vec3 sun; uniform vec3 ambient; uniform vec3 haze; uniform float clear_m;
out vec3 tint; out vec3 glow; out vec2 place; flat out int material; out float far;
void main() {
  vec3 c = seen(at);
  gl_Position = clip(c);
  vec3 n = normalize(normal.xyz * 255.0 - 128.0);
  float facing = max(dot(n, sun_to), 0.0);
  tint = colour.rgb * (ambient * (0.8 + 0.2 * n.z) + sun * facing);
  far = 1.0 - exp(-length(c) / clear_m);
  glow = haze;
  place = wall;
  material = int(colour.a * 255.0 + 0.5);
}
"""
)

_HASH = "float hash(vec2 q) { return fract(sin(dot(q, vec2(12.9898, 78.233))) * 43758.5453); }\n"

GROUND_FRAGMENT = (
    "#version 330\n"
    + _HASH
    + """
in vec3 tint; in vec3 glow; in vec2 place; flat in int material; in float far;
uniform sampler2D paint; uniform vec2 paint_half; uniform vec3 ground_light;
out vec4 colour;
void main() {
  vec3 c = tint;
  vec2 share = place / (2.0 * paint_half) + 0.5;
  if (abs(share.x - 0.5) < 0.5 && abs(share.y - 0.5) < 0.5) c = texture(paint, share).rgb * ground_light;
  else c *= 0.85 + 0.3 * hash(floor(place / vec2(190.0, 130.0)));
  c *= 0.95 + 0.10 * hash(floor(place * 0.7));
  colour = vec4(mix(c, glow, far), 1.0);
}
"""
)

PLAIN_FRAGMENT = """#version 330
in vec3 tint; in vec3 glow; in vec2 place; flat in int material; in float far;
out vec4 colour;
void main() { colour = vec4(mix(tint, glow, far), 1.0); }
"""

BODY_FRAGMENT = (
    "#version 330\n"
    + _HASH
    + """
in vec3 tint; in vec3 glow; in vec2 place; flat in int material; in float far;
uniform float lamps;
out vec4 colour;
void main() {
  vec3 c = tint;
  vec2 w = fwidth(place);
  if (material == 1) {
    vec2 cell = place / vec2(3.6, 3.3);
    float blur = smoothstep(1.2, 3.0, max(w.x, w.y));
    vec2 f = fract(cell);
    float pane = step(0.22, f.x) * step(f.x, 0.78) * step(0.3, f.y) * step(f.y, 0.8);
    pane = mix(pane, 0.28, blur);
    float lit = mix(step(0.62, hash(floor(cell))), 0.38, blur) * lamps;
    c = mix(c, c * vec3(0.42, 0.52, 0.62), pane * 0.85) + pane * lit * vec3(0.80, 0.62, 0.34);
  } else if (material == 2) {
    float rib = step(0.5, fract(place.x / 1.2));
    c *= mix(0.95 + 0.06 * rib, 0.98, smoothstep(0.3, 0.8, w.x));
    float band = step(2.2, place.y) * step(place.y, 3.6) * step(0.35, fract(place.x / 7.0));
    c = mix(c, c * vec3(0.55, 0.63, 0.70), band * (1.0 - smoothstep(1.5, 5.0, w.x)));
    c += band * lamps * step(0.55, hash(floor(place / vec2(7.0, 20.0)))) * vec3(0.55, 0.50, 0.38);
  } else if (material == 3) {
    c *= 1.0 - 0.18 * step(fract(place.y / 2.4), 0.05) * (1.0 - smoothstep(0.2, 0.8, w.y));
    c *= 1.0 - 0.10 * step(fract(place.x / 9.0), 0.03) * (1.0 - smoothstep(0.3, 1.0, w.x));
  } else if (material == 4) {
    c *= mix(vec3(1.0), vec3(0.95, 0.36, 0.28), step(0.5, fract(place.y / 24.0)));
  }
  colour = vec4(mix(c, glow, far), 1.0);
}
"""
)

SKY_VERTEX = """#version 330
in vec2 corner; uniform vec2 scale; uniform mat3 head; out vec3 towards;
void main() {
  gl_Position = vec4(corner, 1.0, 1.0);
  towards = transpose(head) * vec3(corner.x / scale.x, corner.y / scale.y, 1.0);
}
"""

SKY_FRAGMENT = """#version 330
in vec3 towards; uniform vec3 zenith; uniform vec3 haze; out vec4 colour;
void main() {
  float up = normalize(towards).z;
  colour = vec4(mix(haze, zenith, smoothstep(-0.02, 0.45, up)), 1.0);
}
"""

#: Soft round spots: lamps, smoke and flame. ``spot`` is size in m and opacity; faces the camera.
SPOT_VERTEX = (
    "#version 330\n"
    + _SEEN
    + """
in vec3 at; in vec4 shade; in vec2 spot; in vec2 corner; uniform float least;
out vec4 tint; out vec2 inside;
void main() {
  vec3 c = seen(at);
  float size = max(spot.x, least * c.z);
  tint = vec4(shade.rgb, shade.a * spot.y);
  inside = corner;
  gl_Position = clip(c + vec3(corner * size, 0.0));
}
"""
)

SPOT_FRAGMENT = """#version 330
in vec4 tint; in vec2 inside; out vec4 colour;
void main() {
  float r = dot(inside, inside);
  if (r > 1.0) discard;
  float soft = (1.0 - r) * (1.0 - r);
  colour = vec4(tint.rgb, tint.a * soft);
}
"""

#: The lens: a fine net over the picture whose knots know where in the ideal one their distorted rays come from.
LENS_VERTEX = """#version 330
in vec2 corner; in vec2 source; uniform float shift; out vec2 place;
void main() { gl_Position = vec4(corner + vec2(shift, 0.0), 0.0, 1.0); place = source; }
"""

LENS_FRAGMENT = """#version 330
uniform sampler2D ideal; in vec2 place; out vec4 colour;
void main() { colour = texture(ideal, place); }
"""

#: How far away the first thing in each direction is.
RANGE_VERTEX = (
    "#version 330\n"
    + _SEEN
    + """
in vec3 at; out vec3 c;
void main() { c = seen(at); gl_Position = clip(c); }
"""
)

RANGE_FRAGMENT = """#version 330
in vec3 c; out float distance_m;
void main() { distance_m = length(c); }
"""
