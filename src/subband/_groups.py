"""Groups of keys of a recipe: images, network, optimiser, robustness, and what some kinds ask. Imports no torch."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Data:
    """Where the images come from and what a training batch is.

    Args:
        reader: Name of a reader in the catalogue (``subband list dataset``).
        root: Folder or file set of the reader.
        images: Folder of images, for the ``folder`` reader.
        masks: Folder of masks, for the ``folder`` reader.
        labels: Folder or COCO file in the root that holds the boxes, for detection, where they do not lie in the root.
        label: Name of the data in the report.
        published: Name of the set in the published tables, to show their rows beside ours.
        crop: Crop size of a training item, in pixels; empty takes whole images. Classification tests on the centre.
            For registration: voxels along each axis that all volumes are brought to around their centres; empty takes
            the smallest multiples of 16 that hold them all. For neurons: voxels (z, y, x) of a cube.
            Detection has ``model.side`` in its place.
        resize: Shorter side that a tested image gets before its centre is taken, for classification; 0 for its own.
        batch: Crops in a step, over all processes.
        augment: Random changes of a training item. ``mirror`` (left-right), ``voc`` and ``cityscapes`` are for scenes,
            the last two those of the WaveSNet authors; what is missing of a crop becomes void. For classification:
            ``imagenet`` (random part of random size, mirror), ``cifar`` (shift by up to an eighth, mirror), ``digits``
            (shift), ``mirror`` and ``none``. For detection: ``mirror`` and ``none``.
        scale_base: Shorter side of a scene at scale 1, in pixels; 0 for the image's own.
        normalise: Images whose mean and deviation normalise all: ``all`` (as published), ``train``, or ``imagenet``
            for the fixed numbers that ImageNet checkpoints expect, as detectors do inside; ``half`` takes
            (x - 127.5) / 127.5, as face networks do.
        split: ``folds`` is shuffled k-fold, ``holdout`` tests on every third image, ``given`` is the set's own split;
            ``same`` trains, validates and tests on all images, to see whether a network can learn them by heart. In a
            recognition ``holdout`` tests on identities that do not train, ``given`` on ``recognition.sets`` alone.
        folds: Number of folds.
        fold_seed: Seed of the folds.
        validation: Part of the training images that validates where a set of classes or boxes has no ``val`` beside
            ``test``; 0 trains on all of them and tests the weights of the last step.
        map_scope: Weight maps of the whole image (as published) or of each crop.
        count: Images to generate, for synthetic readers.
        size: Their height and width, in pixels, for synthetic readers.
        per_identity: How many of them are of one identity, for synthetic faces.
        identities: Identities that test a recognition and do not train, drawn by ``fold_seed``, for ``holdout``;
            ``validation`` is a part of the identities too.
        atlas: Volume that a registration moves onto every other; without it the set's own pairs are taken, or any two
            subjects of a part.
        spacing: Distance of voxels in mm that volumes are brought to; empty takes that of the first one.
        options: Further options of a reader of volumes or neurons, such as ``{moving: us_images, fixed: mr_images}``
            (``subband show volume-dataset NAME``, ``subband show neuron-dataset NAME``).
        workers: Loader processes.
    """

    reader: str = "folder"
    root: str | None = None
    images: str | None = None
    masks: str | None = None
    labels: str | None = None
    label: str | None = None
    published: str | None = None
    crop: list[int] = field(default_factory=lambda: [256, 256])
    resize: int = 0
    batch: int = 4
    augment: Literal["none", "flips", "full", "mirror", "voc", "cityscapes", "imagenet", "cifar", "digits"] = "flips"
    scale_base: int = 0
    normalise: Literal["all", "train", "imagenet", "half"] = "all"
    split: Literal["folds", "holdout", "given", "same"] = "folds"
    folds: int = 3
    fold_seed: int = 0
    validation: float = 0.1
    map_scope: Literal["image", "crop"] = "image"
    count: int = 32
    size: int = 128
    per_identity: int = 10
    identities: int = 10
    atlas: str | None = None
    spacing: list[float] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    workers: int = 0


@dataclass
class Model:
    """The network.

    Args:
        name: Name in the catalogue (``subband list model``); for classification also a name of torchvision, such as
            ``resnet18``, or of timm, as ``timm/resnet50d``; for detection ``fasterrcnn`` or ``retinanet``.
        width: Channels of the first level, of the decoder where the network has a fixed backbone, or of a detector's
            pyramid.
        depth: Number of resolution levels, of networks that can have any.
        norm: Normalisation layer; ``frozen`` is for detectors alone.
        side: Longer side that a detector brings its images to, in pixels.
        outputs: ``sigmoid`` has one output for two classes, ``softmax`` one for each class (as published).
        options: Further options of the network, such as ``{wavelet: ch2.2}`` (``subband show model NAME``). Every
            classifier takes ``wavelet`` (``none``, a wavelet, or ``blur3``), ``placement``, ``gain``, ``skip`` and
            ``max_stride`` of `subband.layers.waveletize`; every detector ``backbone``, ``wavelet``, ``placement``,
            ``gain``, ``trainable_layers``, and the sizes of `subband.models.detector.DetectorSize`.
        weights: Checkpoint of an image classifier that initialises the encoder, the classifier or a detector's
            backbone, or of a whole detector; read with ``weights_only=True``.
    """

    name: str = "unet"
    width: int = 16
    depth: int = 4
    norm: Literal["batch", "instance", "group", "frozen"] = "batch"
    side: int = 320
    outputs: Literal["sigmoid", "softmax"] = "sigmoid"
    options: dict[str, Any] = field(default_factory=dict)
    weights: str | None = None


@dataclass
class Optim:
    """How the weights move.

    Args:
        name: Optimiser; ``sgd`` has a momentum of 0.9.
        lr: Learning rate; the peak of a one-cycle schedule.
        weight_decay: Weight decay, in every optimiser. The WaveSNet authors never pass theirs on to SGD, so 0 is what
            they ran.
        decayed: What it acts on: all that the ``network`` learns and nothing that the loss learns; the ``weights`` of
            both, without biases and norms; or ``all`` of both, as the face recognition authors do.
        schedule: ``step`` multiplies by ``gamma`` every ``step_epochs`` epochs; in every step, ``poly`` multiplies by
            ``(1 - step / steps)`` to the ``power`` and ``cosine`` by ``(1 + cos(pi step / steps)) / 2``.
        step_epochs: Epochs between two changes of ``step``.
        milestones: Epochs of the changes of ``step`` instead, such as ``[16, 24]``.
        gamma: Factor of ``step``.
        power: Exponent of ``poly``.
        warmup_epochs: Epochs in which the rate of ``constant``, ``step``, ``poly`` and ``cosine`` rises from 0 in
            proportion to the steps.
        after_warmup: Count the epochs of ``step``, ``poly`` and ``cosine`` from the end of the warm-up, as the WaveCNet
            authors do; ``milestones`` are always counted from the start.
        head_lr_factor: Learning rate of everything but the network's ``encoder``, over that of the encoder. The
            WaveSNet authors train the head of DeepLabv3+ with 10 and that of its wavelet form with 1.
        loss_over_batch: Divide the mean loss by the batch size, as the WaveSNet authors do; the learning rate then acts
            as if it were ``lr / batch``.
        clip: Largest gradient norm; 0 does not clip.
        precision: Arithmetic of the network; losses stay in float32.
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 3e-3
    weight_decay: float = 0.0
    decayed: Literal["network", "weights", "all"] = "network"
    schedule: Literal["constant", "onecycle", "step", "poly", "cosine"] = "onecycle"
    step_epochs: int = 10
    milestones: list[int] = field(default_factory=list)
    gamma: float = 0.8
    power: float = 0.9
    warmup_epochs: float = 0.0
    after_warmup: bool = False
    head_lr_factor: float = 1.0
    loss_over_batch: bool = False
    clip: float = 5.0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


@dataclass
class Robustness:
    """What is asked of every trained classifier beside its accuracy; nothing by default. Of a detector, corruptions.

    Args:
        corruptions: Names of corruptions; ``published`` stands for the 15 of ImageNet-C, ``all`` for the 19.
        severities: Their severities, 1 to 5.
        corrupted_images: Test images that are corrupted, drawn once for all runs; 0 takes all.
        shift: Offsets of shift consistency are below this, in pixels, and its curve goes up to it; 0 leaves them out.
            The authors' is 32, with ``data.resize`` 256 and crops of 224; where the images are not so much larger than
            the crop, what is missing is filled by reflection.
        passes: Pairs of random crops of each image.
        shifted_images: Test images that are shifted, drawn likewise; 0 takes all.
        attacks: Names of attacks (``subband.corrupt``).
        eps: Largest change of a pixel in 255ths, for attacks that have such a bound.
        lengths: Euclidean lengths of the change of an image in [0, 1], for attacks that look for the shortest one
            (``deepfool``, ``carlini_wagner``): an image holds out at a length if its change is longer.
        attacked_images: Test images that are attacked, drawn likewise; 0 takes all.
        masking: Look for masked gradients, on the attacked images and at the largest ``eps``.
        spectra: Images whose aliasing at each down-sampling is measured; 0 leaves it out.
    """

    corruptions: list[str] = field(default_factory=list)
    severities: list[int] = field(default_factory=lambda: [1, 2, 3, 4, 5])
    corrupted_images: int = 0
    shift: int = 0
    passes: int = 5
    shifted_images: int = 0
    attacks: list[str] = field(default_factory=list)
    eps: list[float] = field(default_factory=lambda: [1.0, 2.0, 4.0, 8.0])
    lengths: list[float] = field(default_factory=lambda: [0.1, 0.25, 0.5, 1.0])
    attacked_images: int = 100
    masking: bool = False
    spectra: int = 0


@dataclass
class Recognition:
    """How a recognition is tested: on pairs of images of identities that did not train.

    Args:
        folds: Groups of tested identities, apart from each other, that pairs are derived within; with fewer than ten
            identities in each, pairs are derived among all, and dealt to ten folds that share identities.
        pairs: Same pairs, and as many different ones, that are derived in each group at most.
        sets: Further sets of pairs: ``.bin`` files, folders of class folders (pairs are derived), or lists of pairs
            whose images are in ``images``.
        images: Folder of the images of lists of pairs.
        flip: Add the embedding of the mirrored image.
        far: False accept rates that the true accept rate is given at.
    """

    folds: int = 10
    pairs: int = 300
    sets: list[str] = field(default_factory=list)
    images: str | None = None
    flip: bool = True
    far: list[float] = field(default_factory=lambda: [1e-2, 1e-3])


@dataclass
class Registration:
    """How a registration is trained and tested.

    Args:
        pairs: Pairs of subjects that test at most, drawn once so that each moves and is moved onto as often as the
            others; 0 takes all.
        smoothness: Penalty of the field: of first derivatives (``diffusion``) or of second ones (``bending``).
        weight: Its weight beside the similarity; the WiNet authors' is 2.
        unit: Unit that derivatives are taken in; ``authors`` is that of the WiNet authors.
        dice: Weight of the Dice loss of warped labels, which trains with labels; 0 trains on images alone.
        labels: How labels are warped for the test: ``linear`` as the WiNet authors do, or ``nearest``.
        pictures: Test pairs that the report shows.
    """

    pairs: int = 20
    smoothness: Literal["diffusion", "bending"] = "diffusion"
    weight: float = 1.0
    unit: Literal["mm", "voxel", "normalised", "authors"] = "mm"
    dice: float = 0.0
    labels: Literal["linear", "nearest"] = "linear"
    pictures: int = 2


@dataclass
class Fit:
    """How one pair of volumes is registered without a trained network.

    Args:
        start: How the moving volume is laid onto the fixed one first: as the ``header`` of the files says, by their
            ``centre``, or by a ``translation``, ``rigid`` or ``affine`` registration.
        method: A name of ``subband list registration`` that needs no training.
        similarity: A name of ``subband list similarity``; ``mi`` for two modalities. Windows of ``ncc`` are 5 voxels
            wide unless the options say otherwise.
        similarity_options: Options of the similarity, such as ``{window: 9}``.
        smoothness: As for a recipe.
        weight: Weight of the smoothness; less lets the field follow finer parts, and fold.
        steps: Steps of the optimisation.
        diffeomorphic: Let the field be the flow of a velocity, which hardly folds.
        options: Further options of the method, such as ``{lr: 0.002, options: {width: 8, wavelet: db2}}``.
    """

    start: Literal["header", "centre", "translation", "rigid", "affine"] = "header"
    method: str = "winet-pair"
    similarity: str = "ncc"
    similarity_options: dict[str, Any] = field(default_factory=dict)
    smoothness: Literal["diffusion", "bending"] = "diffusion"
    weight: float = 0.3
    steps: int = 100
    diffeomorphic: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Neurons:
    """How a neuron network trains and is tested: on whole volumes, by their voxels and by the trees traced in them.

    Args:
        noise: Deviation of the noise that every training cube gets, in grey levels of 1/255, as the authors add it.
        foreground: Part of a cube that the neuron fills at least, for those cubes that are not drawn anywhere; that of
            the whole volume where it is less.
        block: Voxels (z, y, x) that a network labels at once.
        halo: Voxels around a block that it sees too.
        soma: Where a trace starts: at the first root of the ``given`` tree, or where it is ``found`` to be thickest.
        gap: Longest break of a fibre that a trace bridges, in voxels.
        min_length: Shortest branch that a trace keeps, in voxels of the coarsest axis.
        distance: Farthest that two trees are said to meet, in voxels.
        pictures: Volumes whose projections each run keeps for the report.
    """

    noise: float = 1.0
    foreground: float = 0.003
    block: list[int] = field(default_factory=lambda: [32, 128, 128])
    halo: list[int] = field(default_factory=lambda: [16, 32, 32])
    soma: Literal["given", "found"] = "given"
    gap: float = 8.0
    min_length: float = 4.0
    distance: float = 2.0
    pictures: int = 2
