from .v2 import MoGeModel as MoGeModel
