// Bundled so that wall, Windows and CI look alike and no request leaves the origin.
import '@fontsource-variable/noto-sans-sc/wght.css'
import '@fontsource/barlow-semi-condensed/latin-400.css'
import '@fontsource/barlow-semi-condensed/latin-500.css'
import '@fontsource/barlow-semi-condensed/latin-600.css'
