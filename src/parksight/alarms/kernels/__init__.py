from parksight.alarms.kernels.old import *
from parksight.alarms.kernels.old import *
