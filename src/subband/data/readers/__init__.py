"""Readers, one file for each real data set. They give images as they are stored, without padding.

Nothing is downloaded: a reader says which file is missing and where its official page is.
"""

from subband.data.readers.box_folder import box_folder
from subband.data.readers.camvid import CamVid
from subband.data.readers.cardiac import CardiacFrames
from subband.data.readers.cityscapes import Cityscapes
from subband.data.readers.class_folder import ClassFolder
from subband.data.readers.coco import Coco
from subband.data.readers.drive import Drive
from subband.data.readers.em_stack import EmStack
from subband.data.readers.face_bin import FaceBin
from subband.data.readers.face_list import FaceList
from subband.data.readers.face_shards import FaceShards
from subband.data.readers.folder import Folder
from subband.data.readers.glas import Glas
from subband.data.readers.ijb import Ijb
from subband.data.readers.ixi import Ixi, convert_ixi
from subband.data.readers.lfw_pairs import lfw_pairs
from subband.data.readers.neuron_folder import NeuronFolder
from subband.data.readers.nifti_folder import NiftiFolder, NiftiPairs
from subband.data.readers.recordio import RecordIO
from subband.data.readers.roads import Roads
from subband.data.readers.snemi3d import Snemi3d
from subband.data.readers.voc import Voc
from subband.data.readers.yolo import Yolo

__all__ = [
    "CamVid",
    "CardiacFrames",
    "Cityscapes",
    "ClassFolder",
    "Coco",
    "Drive",
    "EmStack",
    "FaceBin",
    "FaceList",
    "FaceShards",
    "Folder",
    "Glas",
    "Ijb",
    "Ixi",
    "NeuronFolder",
    "NiftiFolder",
    "NiftiPairs",
    "RecordIO",
    "Roads",
    "Snemi3d",
    "Voc",
    "Yolo",
    "box_folder",
    "convert_ixi",
    "lfw_pairs",
]
